//! The sample project of `consign demo`, compiled in so that an installed program has it too. It is
//! `testdata/project`; a test compares the two.

/// Path, whether it is executable, contents.
pub(crate) type Sample = (&'static str, bool, &'static [u8]);

macro_rules! sample {
    ($($exec:literal $path:literal),* $(,)?) => {
        &[$(($path, $exec, include_bytes!(concat!("../../../testdata/project/", $path)))),*]
    };
}

/// Every file of the project.
pub(crate) const PROJECT: &[Sample] = sample![
    false ".consignignore",
    false "LICENSE-NOTICE",
    false "README.md",
    false "design/icon.png",
    false "design/label-sizes.csv",
    false "design/parcel-flow.svg",
    false "docs/architecture.md",
    false "docs/runbook.md",
    false "firmware/src/crc16.h",
    false "firmware/src/main.c",
    false "firmware/src/radio.h",
    false "firmware/src/scan_queue.c",
    false "firmware/src/scan_queue.h",
    false "notes/private/prices-2026.md",
    false "proto/order.proto",
    false "proto/parcel.proto",
    false "proto/tracking.proto",
    true "scripts/build.sh",
    false "services/api/Cargo.toml",
    false "services/api/README.md",
    false "services/api/dev.local",
    false "services/api/migrations/0001_orders.sql",
    false "services/api/migrations/0002_parcels.sql",
    false "services/api/migrations/0003_scans.sql",
    false "services/api/src/clock.rs",
    false "services/api/src/config.rs",
    false "services/api/src/error.rs",
    false "services/api/src/eta.rs",
    false "services/api/src/lib.rs",
    false "services/api/src/main.rs",
    false "services/api/src/order.rs",
    false "services/api/src/page.rs",
    false "services/api/src/parcel.rs",
    false "services/api/src/routes.rs",
    false "services/api/src/scan.rs",
    false "services/api/src/store.rs",
    false "services/api/src/webhook.rs",
    false "services/api/tests/eta.rs",
    false "services/api/tests/order_flow.rs",
    false "services/billing/Cargo.toml",
    false "services/billing/src/invoice.rs",
    false "services/billing/src/lib.rs",
    false "services/billing/src/tax.rs",
    false "web/ui/package.json",
    false "web/ui/src/api.ts",
    false "web/ui/src/format.test.ts",
    false "web/ui/src/format.ts",
    false "web/ui/src/orderList.ts",
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    fn walk(dir: &Path, out: &mut BTreeSet<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, out);
            } else {
                out.insert(path);
            }
        }
    }

    #[test]
    fn what_is_compiled_in_is_the_folder_in_testdata() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/project");
        let mut there = BTreeSet::new();
        walk(&root, &mut there);
        let here: BTreeSet<PathBuf> = PROJECT.iter().map(|(path, ..)| root.join(path)).collect();
        assert_eq!(there, here);
    }
}
