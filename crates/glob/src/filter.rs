//! Exclude patterns over a directory tree.

use crate::{Error, Pattern};

/// A set of exclude patterns, compiled once.
///
/// Paths are relative to the tree's root, with `/` between components and none at either end. A pattern is matched
/// against the whole path. One that ends in `/` means the directories that match what stands before it, and all that
/// lies below them; a plain file of that name is not meant.
///
/// ```
/// let filter = stoker_glob::PathFilter::new(["**/.git/", "**/.gitkeep", "**/.resources/**"])?;
/// assert!(filter.excluded(".git", true) && filter.excluded("a/.git/HEAD", false));
/// assert!(!filter.excluded("submodule/.git", false)); // a file, and the pattern means directories
/// assert!(filter.excluded("projects/.resources/ab/12", false));
/// # Ok::<(), stoker_glob::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct PathFilter {
    paths: Vec<Pattern>,
    directories: Vec<Pattern>,
}

impl PathFilter {
    /// Compiles the patterns; the first malformed one is the error.
    pub fn new<P: AsRef<str>>(patterns: impl IntoIterator<Item = P>) -> Result<Self, Error> {
        let mut filter = Self::default();
        for pattern in patterns {
            filter.add(pattern.as_ref())?;
        }
        Ok(filter)
    }

    fn add(&mut self, pattern: &str) -> Result<(), Error> {
        // Compiled as written first, so that an error speaks of the user's pattern.
        let whole = Pattern::new(pattern)?;
        match directory_part(pattern) {
            Some(directory) => self.directories.push(Pattern::new(directory)?),
            None => self.paths.push(whole),
        }
        Ok(())
    }

    /// Whether the entry at `path` is excluded, by itself or because it lies in an excluded directory.
    pub fn excluded(&self, path: &str, is_dir: bool) -> bool {
        self.paths.iter().any(|pattern| pattern.matches(path)) || self.in_excluded_directory(path, is_dir)
    }

    /// Whether everything in the directory at `path` is excluded, so that a walk need not enter it.
    ///
    /// `false` may also mean that it cannot be told from the patterns: then the walk asks for each entry.
    pub fn excludes_whole_directory(&self, path: &str) -> bool {
        self.paths.iter().any(|pattern| pattern.covers_descendants() && pattern.matches(path))
            || self.in_excluded_directory(path, true)
    }

    fn in_excluded_directory(&self, path: &str, is_dir: bool) -> bool {
        if self.directories.is_empty() {
            return false;
        }
        let excluded = |directory: &str| self.directories.iter().any(|pattern| pattern.matches(directory));
        path.match_indices('/').any(|(slash, _)| excluded(&path[..slash])) || (is_dir && excluded(path))
    }
}

/// What stands before a trailing `/`, plain or escaped; `None` without one.
fn directory_part(pattern: &str) -> Option<&str> {
    let before = pattern.strip_suffix('/')?;
    let escapes = before.bytes().rev().take_while(|byte| *byte == b'\\').count();
    Some(if escapes % 2 == 1 { &before[..before.len() - 1] } else { before })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(patterns: &[&str]) -> PathFilter {
        PathFilter::new(patterns).expect("well-formed patterns")
    }

    #[test]
    fn a_trailing_slash_means_the_directory_and_all_below() {
        let filter = filter(&["**/.git/", "build/", "x/*/tmp/"]);
        for (path, is_dir) in [
            (".git", true),
            (".git/config", false),
            ("a/b/.git/objects/00", true),
            ("build", true),
            ("build/a/b", false),
            ("x/y/tmp/z", false),
        ] {
            assert!(filter.excluded(path, is_dir), "{path}");
        }
        for (path, is_dir) in [
            (".git", false),
            ("a/build", true),
            ("build", false),
            ("builds/a", false),
            (".gitignore", false),
            ("x/y/z/tmp/a", false),
        ] {
            assert!(!filter.excluded(path, is_dir), "{path}");
        }
    }

    #[test]
    fn a_file_below_a_directory_of_its_own_name_is_excluded() {
        assert!(filter(&["**/a/"]).excluded("a/a", false));
    }

    #[test]
    fn a_plain_pattern_means_the_path_only() {
        let filter = filter(&["**/node_modules", "*.bak"]);
        assert!(filter.excluded("a/node_modules", true) && filter.excluded("x.bak", false));
        assert!(!filter.excluded("a/node_modules/b", false) && !filter.excluded("a/x.bak", false));
        assert!(!filter.excludes_whole_directory("a/node_modules"));
    }

    #[test]
    fn a_walk_skips_what_is_excluded_as_a_whole() {
        let filter = filter(&["**/.resources/**", "logs/**", "**/.git/", "{a,b}/**", "**/*.bak"]);
        for path in
            [".resources", "projects/.resources/ab", "logs", "logs/x", "c/.git", "c/.git/refs", "b", "b/c"]
        {
            assert!(filter.excludes_whole_directory(path), "{path}");
        }
        for path in ["projects", "c", "c/x.bak", "git"] {
            assert!(!filter.excludes_whole_directory(path), "{path}");
        }
    }

    #[test]
    fn an_escaped_slash_at_the_end_is_a_slash() {
        let filter = filter(&["a\\/", "b\\\\/"]);
        assert!(filter.excluded("a/x", false) && filter.excluded("b\\/x", false));
    }

    #[test]
    fn an_error_speaks_of_the_pattern_as_written() {
        let error = PathFilter::new(["ok", "[a/"]).expect_err("unclosed class");
        assert_eq!(error.pattern, "[a/");
    }

    #[test]
    fn no_pattern_excludes_nothing() {
        assert!(!PathFilter::default().excluded("a", true));
        assert!(!filter(&["", "/"]).excluded("a", true));
    }
}
