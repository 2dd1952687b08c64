//! The tables.

use super::figures::Figures;

/// For a terminal.
pub(super) fn table(figures: &Figures) -> String {
    format!("{figures:#?}")
}

/// `docs/benchmarks.md`.
pub(super) fn document(figures: &Figures) -> String {
    table(figures)
}
