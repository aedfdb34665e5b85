use super::*;

fn account(limit: &str) -> Account {
    Account { limit: limit.to_owned(), tenant: Some("acme".to_owned()), principal: None, tool: None }
}

const NOON: u64 = 20_000 * DAY_MS + DAY_MS / 2;

#[test]
fn a_budget_is_spent_to_its_last_unit_and_new_the_next_day() {
    let spent = Spent::default();
    assert_eq!(spent.take(9, 10, 5), Ok(()));
    assert_eq!(spent.take(2, 10, 5), Err(()));
    assert_eq!(spent.take(1, 10, 5), Ok(()));
    assert_eq!(spent.take(1, 10, 5), Err(()));
    assert_eq!(spent.take(0, 10, 5), Ok(()));
    assert_eq!(spent.on(5), 10);
    assert_eq!(spent.take(10, 10, 6), Ok(()));
    // A clock that was put back gives nothing anew.
    assert_eq!(spent.take(1, 10, 5), Err(()));
    spent.give_back(4);
    assert_eq!(spent.on(6), 6);
    assert_eq!(spent.take(u64::MAX, 10, 6), Err(()));
}

#[test]
fn the_day_ends_at_midnight_utc() {
    assert_eq!(today(NOON), (20_000, Duration::from_millis(DAY_MS / 2)));
    assert_eq!(today(20_001 * DAY_MS - 1), (20_000, Duration::from_millis(1)));
    assert_eq!(today(20_001 * DAY_MS).0, 20_001);
}

#[test]
fn what_was_spent_outlives_the_process_and_not_the_day() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("budgets.json");
    let before = Accounts::load(path.clone(), NOON).unwrap();
    before.of(account("a")).take(7, 10, 20_000).unwrap();
    before.of(account("b")).take(0, 10, 20_000).unwrap();
    before.touched();
    before.write(NOON).unwrap();
    let after = Accounts::load(path.clone(), NOON).unwrap();
    assert_eq!(after.of(account("a")).take(4, 10, 20_000), Err(()));
    assert_eq!(after.of(account("a")).take(3, 10, 20_000), Ok(()));
    let tomorrow = Accounts::load(path, NOON + DAY_MS).unwrap();
    assert_eq!(tomorrow.of(account("a")).on(20_001), 0);
}

#[test]
fn a_file_that_cannot_be_read_is_no_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("budgets.json");
    for text in ["", "{", "[]", r#"{"day":1,"spent":[],"more":1}"#, r#"{"day":-1,"spent":[]}"#] {
        fs::write(&path, text).unwrap();
        let told = Accounts::load(path.clone(), NOON).unwrap_err();
        assert!(told.contains("budgets.json") && told.contains("remove it"), "{told}");
    }
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(Accounts::load(path, NOON).is_err());
}

#[test]
fn a_write_that_failed_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gone").join("budgets.json");
    let accounts = Accounts::load(path.clone(), NOON).unwrap();
    accounts.of(account("a")).take(7, 10, 20_000).unwrap();
    accounts.touched();
    assert!(accounts.write(NOON).is_err());
    fs::create_dir(path.parent().unwrap()).unwrap();
    accounts.write(NOON).unwrap();
    assert!(path.is_file());
    fs::remove_file(&path).unwrap();
    // Nothing changed since.
    accounts.write(NOON).unwrap();
    assert!(!path.exists());
}
