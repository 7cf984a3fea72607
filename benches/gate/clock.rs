//! Seconds of this thread on a processor, where the system tells; others who use the machine don't count then.

use std::time::Instant;

/// A clock that was started.
pub struct Clock {
    cpu: Option<f64>,
    wall: Instant,
}

fn cpu() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    text.split(' ').next()?.parse::<f64>().ok().map(|nanos| nanos / 1e9)
}

impl Clock {
    pub fn start() -> Self {
        Clock { cpu: cpu(), wall: Instant::now() }
    }

    pub fn seconds(&self) -> f64 {
        let cpu = self.cpu.zip(cpu()).map(|(begun, now)| now - begun);
        cpu.unwrap_or_else(|| self.wall.elapsed().as_secs_f64())
    }
}
