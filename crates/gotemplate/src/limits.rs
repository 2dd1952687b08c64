//! What a template may cost.

use crate::error::Failure;

/// How many structures, and how many variables, may be open at once: what templates that call each other pile up.
const MAX_OPEN: usize = 16_384;

/// Bounds on one rendering. Beyond any of them it ends with [`Error::Limit`](crate::Error::Limit).
///
/// Besides, at most 16,384 structures and 16,384 variables may be open at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that may be written and that functions may build, together.
    pub bytes: u64,
    /// Operations: actions, turns of loops, calls of functions, and one for each 64 bytes compared.
    pub steps: u64,
    /// How deep templates may call each other. Control structures do not count.
    pub depth: usize,
}

impl Default for Limits {
    /// 16 MiB, ten million operations (under a second or two), a depth of 1,000.
    fn default() -> Self {
        Self { bytes: 16 << 20, steps: 10_000_000, depth: 1_000 }
    }
}

/// What is left of the limits.
#[derive(Debug)]
pub(crate) struct Budget {
    limits: Limits,
    bytes: u64,
    steps: u64,
}

impl Budget {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, bytes: limits.bytes, steps: limits.steps }
    }

    pub(crate) fn take_steps(&mut self, at: usize, steps: u64) -> Result<(), Failure> {
        match self.steps.checked_sub(steps) {
            Some(left) => self.steps = left,
            None => {
                return Err(Failure::limit(
                    at,
                    format!("more than {} steps: does this loop end?", self.limits.steps),
                ));
            }
        }
        Ok(())
    }

    pub(crate) fn take_bytes(&mut self, at: usize, bytes: usize) -> Result<(), Failure> {
        match self.bytes.checked_sub(bytes as u64) {
            Some(left) => self.bytes = left,
            None => return Err(self.too_long(at)),
        }
        Ok(())
    }

    pub(crate) fn too_long(&self, at: usize) -> Failure {
        Failure::limit(at, format!("more than {} bytes of text", self.limits.bytes))
    }

    /// The most bytes that may still be built.
    pub(crate) fn bytes_left(&self) -> usize {
        usize::try_from(self.bytes).unwrap_or(usize::MAX)
    }

    pub(crate) fn check_depth(&self, at: usize, depth: usize) -> Result<(), Failure> {
        if depth > self.limits.depth {
            let limit = self.limits.depth;
            return Err(Failure::limit(
                at,
                format!("templates call each other more than {limit} deep: do they end?"),
            ));
        }
        Ok(())
    }
}

/// Checks the number of structures, or of variables, before one more is opened.
pub(crate) fn check_open(at: usize, open: usize) -> Result<(), Failure> {
    if open < MAX_OPEN {
        return Ok(());
    }
    Err(Failure::limit(at, format!("more than {MAX_OPEN} structures or variables are open here")))
}
