//! Memory with secrets stays in this process: no core file is written when it dies, by no means of the system, and no
//! other process of the same user may read its memory or its environment. What is swapped out is not kept from the disk.

/// Sees to it. What a system doesn't have is passed over: nothing here is needed for correct work.
#[cfg(unix)]
pub(crate) fn forbid() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    // For core files that the kernel writes; children inherit it.
    let _unused = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    // For those that it hands to a program, which it does whatever the limit is; and for `ptrace`, /proc/PID/mem and
    // /proc/PID/environ. A tracer that started this process sees all of it anyway, and would only be half blind.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if !is_traced() {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        let _unused = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn is_traced() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status.lines().filter_map(|line| line.strip_prefix("TracerPid:")).any(|tracer| tracer.trim() != "0")
}

/// As there is nothing to do.
#[cfg(not(unix))]
pub(crate) fn forbid() {}
