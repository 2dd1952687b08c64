//! Writes what is generated from the types of this crate into a checkout: `cargo xtask gen crd` runs it.
//!
//! `stoker-generate-crd CHECKOUT` writes; `stoker-generate-crd --check CHECKOUT` names what differs and exits with 1.

use std::path::Path;
use std::process::ExitCode;
use std::{env, fs, io};

use stoker_api::crd;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["--check", checkout] => Ok(check(Path::new(checkout))),
        [checkout] if !checkout.starts_with('-') => write(Path::new(checkout)),
        _ => {
            eprintln!("usage: stoker-generate-crd [--check] CHECKOUT");
            return ExitCode::from(64);
        }
    };
    result.unwrap_or_else(|error| {
        eprintln!("stoker-generate-crd: {error}");
        ExitCode::FAILURE
    })
}

fn generated() -> [(&'static str, String); 2] {
    [(crd::DEFINITION_FILE, crd::definition_yaml()), (crd::REFERENCE_FILE, crd::reference())]
}

fn write(checkout: &Path) -> io::Result<ExitCode> {
    for (name, text) in generated() {
        let path = checkout.join(name);
        if let Some(directory) = path.parent() {
            fs::create_dir_all(directory)?;
        }
        fs::write(&path, text).map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
        println!("{name}");
    }
    Ok(ExitCode::SUCCESS)
}

fn check(checkout: &Path) -> ExitCode {
    let differ = |(name, text): &(&str, String)| {
        fs::read_to_string(checkout.join(name)).map_or(true, |lies_there| lies_there != *text)
    };
    let stale: Vec<&str> = generated().iter().filter(|file| differ(file)).map(|(name, _)| *name).collect();
    for name in &stale {
        eprintln!("{name} is not what the types say; run `cargo xtask gen crd`");
    }
    if stale.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
