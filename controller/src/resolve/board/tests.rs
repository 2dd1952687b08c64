use super::*;
use stoker_api::names::conditions::reasons;

fn id(name: &str) -> Id {
    ("plants".into(), name.into())
}

fn access(url: &str) -> Access {
    Access { url: url.into(), auth: Auth::None, ca: None, client_certificate: None, proxy: None }
}

fn follow(reference: &str) -> Follow {
    let interval = Some(Duration::from_mins(1));
    Follow { reference: reference.into(), interval, nudge: String::new(), hint: String::new(), known: None }
}

/// Begins the looks that are due; their threads are over at once.
fn begin(board: &mut Board, now: Instant) -> (Vec<Work>, Option<Instant>) {
    let (works, next) = board.take_due(now);
    (works.into_iter().map(|(work, _)| work).collect(), next)
}

fn answered(work: &Work, commit: &str) -> Seen {
    let answers = work.references.iter().map(|name| (name.clone(), Ok(commit.to_owned()))).collect();
    Seen { answers, failure: None, token: None, outcome: Outcome::Answered }
}

fn failed() -> Seen {
    let failure = Failure { reason: reasons::REF_RESOLUTION_FAILED, message: "away".into(), transient: true };
    let outcome = Outcome::Failed { pause: None };
    Seen { answers: BTreeMap::new(), failure: Some(failure), token: None, outcome }
}

const REPO: &str = "https://host/x";

#[test]
fn one_look_serves_everybody_on_one_repository() {
    let (mut board, now) = (Board::default(), Instant::now());
    for (name, reference) in [("a", "main"), ("b", "main"), ("c", "dev")] {
        board.follow(&id(name), access(REPO), &follow(reference), now);
    }
    let (works, _) = begin(&mut board, now);
    assert_eq!(works.len(), 1);
    assert_eq!(works[0].references, ["dev", "main"]);
    let (told, _) = board.finish(&works[0], answered(&works[0], "c"), now);
    assert_eq!(told.len(), 3);
    assert_eq!(board.resolution(&id("b")), Resolution::Resolved { commit: "c".into() });
    let (again, next) = begin(&mut board, now);
    assert!(again.is_empty());
    let pause = next.unwrap() - now;
    assert!((57..=63).contains(&pause.as_secs()), "{pause:?}");
}

#[test]
fn other_credentials_are_another_repository() {
    let (mut board, now) = (Board::default(), Instant::now());
    let token = |text: &str| Access {
        auth: Auth::Token(super::super::access::SecretValue(text.as_bytes().into())),
        ..access(REPO)
    };
    board.follow(&id("a"), token("one"), &follow("main"), now);
    board.follow(&id("b"), token("two"), &follow("main"), now);
    assert_eq!(begin(&mut board, now).0.len(), 2);
}

#[test]
fn a_push_is_looked_at_at_once_and_a_push_during_a_look_right_after_it() {
    let (mut board, now) = (Board::default(), Instant::now());
    board.follow(&id("a"), access(REPO), &follow("main"), now);
    let (works, _) = begin(&mut board, now);
    board.finish(&works[0], answered(&works[0], "1"), now);

    let later = now + Duration::from_secs(5);
    board.follow(&id("a"), access(REPO), &Follow { nudge: "push-1".into(), ..follow("main") }, later);
    let (works, _) = begin(&mut board, later);
    assert_eq!(works.len(), 1, "not at the next poll");

    board.follow(&id("a"), access(REPO), &Follow { nudge: "push-2".into(), ..follow("main") }, later);
    assert!(begin(&mut board, later).0.is_empty(), "one look at a time");
    board.finish(&works[0], answered(&works[0], "2"), later);
    assert_eq!(begin(&mut board, later + BETWEEN_PUSHES).0.len(), 1);
}

#[test]
fn a_ref_that_is_new_to_a_repository_is_looked_up_at_once() {
    let (mut board, now) = (Board::default(), Instant::now());
    board.follow(&id("a"), access(REPO), &follow("main"), now);
    let (works, _) = begin(&mut board, now);
    board.finish(&works[0], answered(&works[0], "1"), now);
    board.follow(&id("a"), access(REPO), &follow("v2"), now + Duration::from_secs(1));
    assert_eq!(board.resolution(&id("a")), Resolution::Pending);
    assert_eq!(begin(&mut board, now + Duration::from_secs(1)).0[0].references, ["v2"]);
}

#[test]
fn a_commit_needs_no_network() {
    let (mut board, now) = (Board::default(), Instant::now());
    let commit = "ABCDEF0123456789abcdef0123456789abcdef01";
    board.follow(&id("a"), access(REPO), &follow(commit), now);
    assert!(begin(&mut board, now + Duration::from_hours(1)).0.is_empty());
    assert_eq!(board.resolution(&id("a")), Resolution::Resolved { commit: commit.to_ascii_lowercase() });
}

#[test]
fn dead_servers_leave_places_for_those_that_answer() {
    let (mut board, now) = (Board::default(), Instant::now());
    let proven = access("https://good/x");
    board.follow(&id("good"), proven.clone(), &follow("main"), now);
    let (works, _) = begin(&mut board, now);
    board.finish(&works[0], answered(&works[0], "1"), now);
    for n in 0..40 {
        board.follow(&id(&format!("dead-{n}")), access(&format!("https://dead-{n}/x")), &follow("main"), now);
        board.follow(&id(&format!("same-{n}")), access(&format!("https://same/{n}")), &follow("main"), now);
    }
    let (hanging, _) = begin(&mut board, now);
    assert_eq!(hanging.len(), MOST_UNPROVEN);
    let at_one = hanging.iter().filter(|work| work.access.url.starts_with("https://same/")).count();
    assert!(at_one <= MOST_AT_ONE_HOST);
    board.follow(&id("good"), proven, &Follow { nudge: "push".into(), ..follow("main") }, now);
    let (works, _) = begin(&mut board, now + BETWEEN_PUSHES);
    assert!(works.iter().any(|work| work.access.url == "https://good/x"));
}

#[test]
fn a_failure_is_told_and_retried_within_two_seconds() {
    let (mut board, now) = (Board::default(), Instant::now());
    board.follow(&id("a"), access(REPO), &follow("main"), now);
    let (works, _) = begin(&mut board, now);
    board.finish(&works[0], failed(), now);
    assert!(matches!(board.resolution(&id("a")), Resolution::Failed(_)));
    let next = begin(&mut board, now).1.unwrap() - now;
    assert!(next <= Duration::from_secs(2), "{next:?}");
}

#[test]
fn a_thread_that_hangs_is_not_joined_by_another() {
    let (mut board, now) = (Board::default(), Instant::now());
    board.follow(&id("a"), access(REPO), &follow("main"), now);
    let (mut works, _) = board.take_due(now);
    let (work, thread) = works.remove(0);
    board.finish(&work, failed(), now);
    let later = now + Duration::from_mins(10);
    assert!(begin(&mut board, later).0.is_empty());
    drop(thread);
    assert_eq!(begin(&mut board, later).0.len(), 1);
}

#[test]
fn who_leaves_is_forgotten() {
    let (mut board, now) = (Board::default(), Instant::now());
    board.follow(&id("a"), access(REPO), &follow("main"), now);
    board.leave(&id("a"));
    assert!(begin(&mut board, now).0.is_empty() && board.repositories.is_empty());
    assert_eq!(board.resolution(&id("a")), Resolution::Idle);
}

#[test]
fn who_does_not_poll_is_not_moved_by_a_restart() {
    let (mut board, now) = (Board::default(), Instant::now());
    let quiet = Follow { interval: None, known: Some("k".into()), ..follow("main") };
    board.follow(&id("a"), access(REPO), &quiet.clone(), now);
    assert!(begin(&mut board, now).0.is_empty());
    assert_eq!(board.resolution(&id("a")), Resolution::Resolved { commit: "k".into() });
    board.follow(&id("a"), access(REPO), &Follow { nudge: "push".into(), ..quiet }, now);
    assert_eq!(begin(&mut board, now).0.len(), 1);
}

#[test]
fn a_push_that_is_told_to_everybody_is_one_look() {
    let (mut board, now) = (Board::default(), Instant::now());
    let names: Vec<String> = (0..100).map(|number| format!("plant-{number}")).collect();
    for name in &names {
        board.follow(&id(name), access(REPO), &follow("main"), now);
    }
    let (works, _) = begin(&mut board, now);
    board.finish(&works[0], answered(&works[0], "1"), now);

    let push = |board: &mut Board, name: &str, commit: &str, at| {
        board.follow(&id(name), access(REPO), &Follow { hint: commit.into(), ..follow("main") }, at);
    };
    let later = now + Duration::from_secs(1);
    push(&mut board, &names[0], "2", later);
    let (works, _) = begin(&mut board, later);
    assert_eq!(works.len(), 1);
    // Half of them are told while the look runs, the others after it.
    names[1..50].iter().for_each(|name| push(&mut board, name, "2", later));
    board.finish(&works[0], answered(&works[0], "2"), later);
    names[50..].iter().for_each(|name| push(&mut board, name, "2", later));
    let (works, next) = begin(&mut board, later + BETWEEN_PUSHES);
    assert!(works.is_empty() && next.unwrap() > later + Duration::from_secs(50));
}

#[test]
fn a_push_that_came_after_the_servers_answer_is_another_look() {
    let (mut board, now) = (Board::default(), Instant::now());
    board.follow(&id("a"), access(REPO), &follow("main"), now);
    let (works, _) = begin(&mut board, now);
    board.follow(&id("a"), access(REPO), &Follow { hint: "2".into(), ..follow("main") }, now);
    board.finish(&works[0], answered(&works[0], "1"), now);
    let (works, _) = begin(&mut board, now + BETWEEN_PUSHES);
    assert_eq!(works.len(), 1, "the server said 1 before the push");
    board.finish(&works[0], answered(&works[0], "2"), now + BETWEEN_PUSHES);
    assert_eq!(board.resolution(&id("a")), Resolution::Resolved { commit: "2".into() });
}

#[test]
fn a_poll_that_finds_everything_as_it_was_is_no_news() {
    let (mut board, now) = (Board::default(), Instant::now());
    board.follow(&id("a"), access(REPO), &follow("main"), now);
    let mut look = |seen: fn(&Work) -> Seen, at| {
        let (works, _) = begin(&mut board, at);
        board.finish(&works[0], seen(&works[0]), at).1
    };
    let minutes = |count: u64| now + Duration::from_mins(2 * count);
    assert!(look(|work| answered(work, "1"), now));
    assert!(!look(|work| answered(work, "1"), minutes(1)));
    assert!(look(|_| failed(), minutes(2)));
    assert!(!look(|_| failed(), minutes(3)), "the same failure again");
    assert!(look(|work| answered(work, "1"), minutes(10)));
    assert!(look(|work| answered(work, "2"), minutes(20)));
}
