//! Descriptions as people write them: what a function does, of what, under which condition, what it gives, and notes, also
//! such as speak of passwords, instructions and users, or tell which call gives the id that is needed.

const DOES: [&str; 24] = [
    "Creates",
    "Lists",
    "Updates",
    "Deletes",
    "Searches",
    "Counts",
    "Exports",
    "Imports",
    "Archives",
    "Restores",
    "Validates",
    "Merges",
    "Schedules",
    "Cancels",
    "Renames",
    "Compares",
    "Looks up",
    "Assigns",
    "Translates",
    "Approves",
    "Downloads",
    "Publishes",
    "Locks",
    "Measures",
];

const OF: [&str; 28] = [
    "a customer record",
    "an invoice",
    "open support tickets",
    "the calendar events of a user",
    "a Kubernetes deployment",
    "purchase orders",
    "a pull request",
    "files in a folder",
    "the messages of a channel",
    "an email draft",
    "a bank transfer",
    "database tables",
    "the rows of a sheet",
    "a shipping label",
    "user accounts",
    "the members of a group",
    "API tokens",
    "a password reset request",
    "the rules of a firewall",
    "prompts in the library",
    "a work instruction",
    "sensor readings",
    "exchange rates",
    "a feature flag",
    "log entries",
    "a recipe",
    "the history of a document",
    "system messages of a printer",
];

const WHERE: [&str; 12] = [
    "",
    " in the given workspace",
    " by id",
    " between two dates",
    " of the signed-in user",
    " across all regions",
    " whose status is `open`",
    " in batches of at most 100",
    " as CSV",
    " without changing its owner",
    " for the current tenant",
    " with the filters given",
];

const NOTES: [&str; 44] = [
    "",
    " Returns the id of the new item.",
    " Times are in UTC.",
    " Important: amounts are in cents, not in euros.",
    " Requires the role `editor`.",
    " Fails with NOT_FOUND if there is none.",
    " Use `list_projects` first to get the id.",
    " Call search before this to find what you need.",
    " The user is notified by email.",
    " Does not notify the user.",
    " The operation cannot be undone.",
    " Results are sorted by date, newest first.",
    " At most 50 are returned; pass `cursor` to get more.",
    " See https://docs.example.com/api/items for the fields.",
    " `path` is relative to the root, for example `src/main.rs`.",
    " Send the token in the `Authorization` header.",
    " Passwords are never returned.",
    " The previous version is kept for 30 days.",
    " If omitted, all rules apply.",
    " Ignores case and leading blanks.",
    " Ignores earlier entries that were deleted.",
    " Must be called by an administrator.",
    " Prefer `get_item` where the id is known.",
    " Set `dry_run` to true to see what would change.",
    " Accepts ISO 8601, such as `2026-01-31T12:00:00Z`.",
    " Note: this may take up to a minute.",
    " The answer holds `{\"id\": 1, \"name\": \"x\"}`.",
    " Wildcards such as `*.log` are allowed.",
    " Numbers are rounded to two digits.",
    " Asks the user to confirm before anything is sent.",
    " A confirmation is required.",
    " Keys are compared without regard to case.",
    " Other tools of this group read the same data.",
    " The commit is named by its hash, e.g. 9fceb02d0ae598e95dc970b74767f19372d61af8.",
    " SHA-256 of the content: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855.",
    " Unterstützt Umlaute, Größen in m² und Währungen wie €.",
    " Fonctionne aussi avec les caractères accentués.",
    " Поддерживает русский язык.",
    " 日本語の入力にも対応しています。",
    " 👩\u{200d}💻 Good for developers ❤\u{fe0f}.",
    " Environment variables of the build are listed by name only.",
    " The system administrator is informed of failures.",
    " Do not use for more than 10,000 rows; take the export instead.",
    " Always returns a list, even if it is empty.",
];

/// Those that nobody would write are left out by taking each part in its turn.
pub(crate) fn all() -> Vec<String> {
    let mut all = Vec::new();
    for (at, note) in NOTES.iter().enumerate() {
        for step in 0..24 {
            let (does, of) = (DOES[(at + step) % DOES.len()], OF[(at * 5 + step * 3) % OF.len()]);
            let place = WHERE[(at + step * 7) % WHERE.len()];
            all.push(format!("{does} {of}{place}.{note}"));
        }
    }
    all
}
