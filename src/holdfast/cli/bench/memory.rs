//! Resident memory of processes, as Linux counts it.

use anyhow::{Context, Result};
use serde_json::{Value, json};

/// What a host needed for its work: the host itself and the code of all components, which it has before,
/// is not the work's.
#[derive(Clone, Copy)]
pub struct Grown {
    /// Resident when it had started, in bytes.
    pub idle: u64,
    /// Resident at most, in bytes.
    pub peak: u64,
}

impl Grown {
    /// How much more it had.
    pub fn by(&self) -> u64 {
        self.peak.saturating_sub(self.idle)
    }

    /// For machines.
    pub fn json(&self) -> Value {
        json!({ "idle_bytes": self.idle, "peak_bytes": self.peak })
    }
}

/// Resident now, in bytes.
pub fn now(process: u32) -> Result<u64> {
    status(process, "VmRSS:")
}

/// Resident at most, in bytes.
pub fn peak(process: u32) -> Result<u64> {
    status(process, "VmHWM:")
}

/// The peak is counted from here (proc(5), clear_refs).
pub fn forget_peak(process: u32) -> Result<()> {
    let file = format!("/proc/{process}/clear_refs");
    std::fs::write(&file, "5").with_context(|| format!("{file} cannot be written"))
}

/// Resident now in a process and its children together; what they share counts for each.
pub fn family(parent: u32) -> u64 {
    let Ok(processes) = std::fs::read_dir("/proc") else {
        return 0;
    };
    let ids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    // One that ends while we look has no memory.
    ids.filter(|id: &u32| {
        *id == parent || status(*id, "PPid:").is_ok_and(|p| p == u64::from(parent) * KIB)
    })
    .filter_map(|id| now(id).ok())
    .sum()
}

fn status(process: u32, name: &str) -> Result<u64> {
    let file = format!("/proc/{process}/status");
    let text = std::fs::read_to_string(&file).with_context(|| format!("{file} cannot be read"))?;
    let value = text.lines().find_map(|line| line.strip_prefix(name));
    let number = value.and_then(|value| value.split_whitespace().next()?.parse::<u64>().ok());
    Ok(number.with_context(|| format!("{file} has no {name}"))? * KIB)
}

const KIB: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_that_is_used_is_seen() {
        let own = std::process::id();
        let before = now(own).unwrap();
        forget_peak(own).unwrap();
        let used = vec![1_u8; 64 << 20];
        assert!(peak(own).unwrap() >= before + (60 << 20), "{}", used.len());
        assert!(family(own) >= now(own).unwrap() / 2);
    }
}
