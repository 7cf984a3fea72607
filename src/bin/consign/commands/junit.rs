//! Findings as JUnit XML: a case for each, and one that succeeded if there is none.

use std::path::Path;

use consign::exchange::finding::{Findings, Severity};
use consign::files::printable;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::gate;

/// All findings; a warning is a case that succeeded, with what it says as its output.
pub(super) fn of(findings: &Findings, tree: &Path) -> Result<String, quick_junit::SerializeError> {
    let mut suite = TestSuite::new("outbound gate");
    for finding in findings.list() {
        let text = printable(&format!("{}: {}", finding.title, finding.shown));
        let status = match finding.severity {
            Severity::Error => {
                let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_type(finding.word.word()).set_message(text.as_str());
                status
            }
            Severity::Warning => TestCaseStatus::success(),
        };
        let mut case = TestCase::new(printable(&gate::place(finding, tree)), status);
        case.set_classname(finding.word.word());
        if finding.severity == Severity::Warning {
            case.set_system_out(text);
        }
        suite.add_test_case(case);
    }
    if findings.list().next().is_none() {
        suite.add_test_case(TestCase::new("nothing that must not leave", TestCaseStatus::success()));
    }
    let mut report = Report::new("consign check");
    report.add_test_suite(suite);
    report.to_string()
}
