//! A blob that may be a pointer of Git LFS: what is one comes back the same when it is written as `git lfs` writes it, and
//! what does not begin as one is a file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use stoker_git::lfs::{LONGEST, Parsed, Pointer};

fuzz_target!(|blob: &[u8]| {
    match Pointer::parse(blob) {
        Parsed::Pointer(pointer) => {
            assert!(blob.len() < LONGEST && pointer.hex().len() == 64);
            let written = format!(
                "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n",
                pointer.hex(),
                pointer.size
            );
            assert_eq!(Pointer::parse(written.as_bytes()), Parsed::Pointer(pointer));
            let text = std::str::from_utf8(blob).expect("a pointer is text");
            assert!(text.contains(&pointer.hex()));
        }
        Parsed::Strange(_) => assert!(blob.starts_with(b"version ") && blob.len() < LONGEST),
        Parsed::File => {}
    }
});
