//! As much of an ELF header as tells for which machine a program is and whether it needs a loader.

use anyhow::{Context as _, Result, bail, ensure};

/// `e_machine` of x86-64.
pub const X86_64: u16 = 62;
/// `e_machine` of 64-bit Arm.
pub const AARCH64: u16 = 183;

const PT_INTERP: u32 = 3;
const PROGRAM_HEADERS_AT: usize = 0x20;
const MACHINE_AT: usize = 0x12;
const ENTRY_SIZE_AT: usize = 0x36;
const ENTRY_COUNT_AT: usize = 0x38;

/// What a program's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elf {
    /// [`X86_64`], [`AARCH64`] or another of the table.
    pub machine: u16,
    /// Whether it names a dynamic loader, without which it does not start.
    pub needs_loader: bool,
}

/// Reads a little-endian 64-bit program.
pub fn read(file: &[u8]) -> Result<Elf> {
    ensure!(file.starts_with(b"\x7fELF"), "not an ELF file");
    if file.get(4..6) != Some(&[2, 1]) {
        bail!("not a little-endian 64-bit ELF file");
    }
    let at = usize::try_from(u64::from_le_bytes(bytes(file, PROGRAM_HEADERS_AT)?))?;
    let size = usize::from(u16::from_le_bytes(bytes(file, ENTRY_SIZE_AT)?));
    let count = usize::from(u16::from_le_bytes(bytes(file, ENTRY_COUNT_AT)?));
    let machine = u16::from_le_bytes(bytes(file, MACHINE_AT)?);
    let mut needs_loader = false;
    for index in 0..count {
        let header = at.checked_add(index * size).context("program header out of range")?;
        needs_loader |= u32::from_le_bytes(bytes(file, header)?) == PT_INTERP;
    }
    Ok(Elf { machine, needs_loader })
}

fn bytes<const N: usize>(file: &[u8], at: usize) -> Result<[u8; N]> {
    let slice = at.checked_add(N).and_then(|end| file.get(at..end));
    Ok(slice.context("the ELF file ends too early")?.try_into()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn this_test_program_needs_a_loader_as_every_glibc_program() {
        let this = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let elf = read(&this).unwrap();
        assert!(elf.needs_loader);
        assert_eq!(elf.machine, if cfg!(target_arch = "x86_64") { X86_64 } else { AARCH64 });
    }

    #[test]
    fn a_header_without_a_loader_is_static() {
        let mut file = vec![0; 0x40 + 2 * 0x38];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[MACHINE_AT] = 183;
        file[PROGRAM_HEADERS_AT] = 0x40;
        file[ENTRY_SIZE_AT] = 0x38;
        file[ENTRY_COUNT_AT] = 2;
        assert_eq!(read(&file).unwrap(), Elf { machine: AARCH64, needs_loader: false });
        file[0x40 + 0x38] = 3;
        assert_eq!(read(&file).unwrap(), Elf { machine: AARCH64, needs_loader: true });
    }

    #[test]
    fn what_is_no_whole_elf_file_is_refused() {
        let mut wrong_offset = vec![0xFF; 0x40];
        wrong_offset[..6].copy_from_slice(b"\x7fELF\x02\x01");
        for file in [b"".as_slice(), b"#!/bin/sh", b"\x7fELF\x01\x01", b"\x7fELF\x02\x01", &wrong_offset] {
            read(file).unwrap_err();
        }
    }
}
