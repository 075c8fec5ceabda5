//! What the process keeps of its memory: the C library's own doors to it (mallopt(3), malloc_trim(3)), and madvise(2).
//!
//! Other C libraries see to it by themselves. Knows nothing of what the memory holds.

#[cfg(all(target_os = "linux", target_env = "gnu"))]
pub use gnu::{few_pools, give_back};

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod other {
    pub fn few_pools() {}
    pub fn give_back() {}
}
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub use other::{few_pools, give_back};

#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[expect(unsafe_code, reason = "the C library and the kernel have no other door to this")]
mod gnu {
    use std::ffi::{c_int, c_void};

    use rustix::mm::{Advice, madvise};

    unsafe extern "C" {
        fn mallopt(parameter: c_int, value: c_int) -> c_int;
        fn malloc_trim(pad: usize) -> c_int;
    }

    /// `M_ARENA_MAX`.
    const POOLS: c_int = -8;

    /// Two pools for all threads. By default there are eight a core, each of which keeps what was freed in it: over a first
    /// import that adds up.
    pub fn few_pools() {
        // SAFETY: it takes two numbers, and is called before there is a second thread.
        unsafe { mallopt(POOLS, 2) };
    }

    /// Gives back to the system what starting took and running does not need: memory, code, and the texts of the rules.
    pub fn give_back() {
        // SAFETY: it takes a number of bytes to keep, may be called by any thread and touches no memory in use.
        unsafe { malloc_trim(0) };
        for (start, length) in unchanging().unwrap_or_default() {
            // SAFETY: nobody writes to these pages, which are the file's: one that is needed again is mapped again.
            let _ = unsafe { madvise(start as *mut c_void, length, Advice::LinuxDontNeed) };
        }
    }

    /// Where the program's code lies and, before it, its constants (proc_pid_maps(5)): addresses and lengths. What can be read
    /// only and lies behind the code has been written to: the loader put addresses there.
    fn unchanging() -> Option<Vec<(usize, usize)>> {
        let program = std::fs::read_link("/proc/self/exe").ok()?;
        let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
        let own = |line: &&str| line.ends_with(program.to_str().unwrap_or("\n"));
        let span = |line: &str| {
            let (start, end) = line.split_once(' ')?.0.split_once('-')?;
            let (start, end) = (usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
            Some((start, end.checked_sub(start)?))
        };
        let code = maps.lines().filter(own).position(|line| line.contains(" r-xp "))?;
        maps.lines().filter(own).take(code + 1).map(span).collect()
    }
}
