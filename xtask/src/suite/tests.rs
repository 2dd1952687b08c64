use super::*;

fn read(text: &str) -> Vec<Outcome> {
    let mut reader = Reader::default();
    let mut outcomes: Vec<Outcome> = text.lines().filter_map(|line| reader.line(line)).collect();
    outcomes.extend(reader.end());
    outcomes
}

fn tally(passed: usize, failed: usize, skipped: usize) -> Tally {
    Tally { passed, failed, skipped }
}

#[test]
fn each_binary_and_its_doc_tests_are_counted() {
    let outcomes = read(
        "
   Compiling stoker-git v0.1.0 (/x)
     Running unittests src/lib.rs (target/debug/deps/stoker_git-abc)

running 3 tests
test a ... ok
test b ... ignored, needs a network
test c ... ok

test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s

     Running tests/http.rs (target/debug/deps/http-0d1)

running 1 test
test d ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s

   Doc-tests stoker_git

running 1 test
test crates/git/src/lib.rs - (line 3) ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s


running 2 tests
test crates/git/src/lib.rs - (line 9) ... ok
test crates/git/src/lib.rs - (line 19) ... ok

test result: ok. 2 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
",
    );
    let seen: Vec<(&str, Tally)> =
        outcomes.iter().map(|outcome| (outcome.name.as_str(), outcome.tally)).collect();
    assert_eq!(
        seen,
        [
            ("stoker_git (src/lib.rs)", tally(2, 0, 1)),
            ("http (tests/http.rs)", tally(1, 0, 0)),
            ("stoker_git (documentation)", tally(3, 0, 0)),
        ]
    );
}

#[test]
fn the_output_of_a_failed_test_is_kept_and_that_of_others_is_not() {
    let outcomes = read(
        "
     Running tests/http.rs (target/debug/deps/http-0d1)

running 2 tests
test good ... ok
test bad ... FAILED

failures:

---- bad stdout ----
test result: ok. 100 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
left: 1

failures:
    bad

test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s

error: test failed, to rerun pass `-p stoker-git --test http`
",
    );
    assert_eq!(outcomes[0].tally, tally(1, 1, 0));
    assert!(outcomes[0].output.contains("left: 1\n"));
    assert!(outcomes[0].output.contains("to rerun pass `-p stoker-git --test http`"));
    assert!(!outcomes[0].output.contains("test good"));
}

#[test]
fn a_binary_that_dies_counts_as_failed() {
    let outcomes = read(
        "
     Running unittests src/main.rs (target/debug/deps/stoker_agent-0d1)

running 3 tests
test one ... ok
error: test failed, to rerun pass `-p stoker-agent --bin stoker-agent`

Caused by:
  process didn't exit successfully: (signal: 11, SIGSEGV: invalid memory reference)
     Running tests/never.rs (target/debug/deps/never-0d1)
error: test failed
",
    );
    assert_eq!(outcomes[0].tally, tally(1, 1, 0));
    assert!(outcomes[0].output.contains("SIGSEGV"));
    assert_eq!(outcomes[1].tally, tally(0, 1, 0));
}

#[test]
fn the_closing_line_names_skipped_tests_only_when_there_are_some() {
    assert_eq!(tally(12, 0, 0).to_string(), "12 passed, 0 failed");
    assert_eq!(tally(12, 3, 1).to_string(), "12 passed, 3 failed, 1 skipped");
    assert_eq!(Tally::check(true).plus(Tally::check(false)), tally(1, 1, 0));
}
