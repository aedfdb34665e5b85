//! Documents say what is there: links lead somewhere, promises name tests that exist, commands are targets.

use std::{collections::BTreeSet, path::Path};

use grid_house::{Breaches, Told, files, root, text};

#[test]
fn every_relative_link_leads_somewhere() -> Result<(), Told> {
    let mut breaches = Breaches::default();
    for file in documents()? {
        let folder = Path::new(&file).parent().map(|folder| root().join(folder)).unwrap_or_default();
        for link in links(&text(&file).unwrap_or_default()) {
            let (path, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let elsewhere = path.contains("://") || path.starts_with("mailto:");
            if elsewhere {
                continue;
            }
            let target = if path.is_empty() { root().join(&file) } else { folder.join(path) };
            breaches.unless(target.exists(), || format!("{file}: `{link}` leads nowhere"));
            if target.is_file() && !anchor.is_empty() && target.extension().is_some_and(|end| end == "md") {
                let known = std::fs::read_to_string(&target).map(|text| anchors(&text)).unwrap_or_default();
                breaches.unless(known.contains(anchor), || format!("{file}: `{link}`: there is no such heading"));
            }
        }
    }
    breaches.result()
}

#[test]
fn every_room_of_the_host_is_on_its_page() -> Result<(), Told> {
    let page = text("host/README.md").ok_or("host/README.md is missing".to_owned())?;
    let mut breaches = Breaches::default();
    for folder in files()?.iter().filter_map(|file| file.strip_prefix("host/")?.strip_suffix("/Cargo.toml")) {
        breaches.unless(page.contains(&format!("({folder}/")) || page.contains(&format!("({folder})")), || {
            format!("host/README.md has no link to `{folder}`; say in one sentence what it does")
        });
    }
    breaches.result()
}

#[test]
fn every_claim_names_a_test_that_exists() -> Result<(), Told> {
    let mut breaches = Breaches::default();
    for document in ["docs/claims.md", "docs/invariants.md", "docs/regressions.md"] {
        let page = text(document).ok_or_else(|| format!("{document} is missing"))?;
        let mut rows = 0;
        let is_head = |row: &str| row.starts_with("| id ") || row.starts_with("| promise ");
        // Figures are held by `make bench`, which writes them; promises by tests.
        let promises = page.split("\n## Figures").next().unwrap_or_default();
        for row in promises.lines().filter(|line| line.starts_with("| ") && !is_head(line)) {
            rows += 1;
            let references: Vec<&str> = row.split('`').skip(1).step_by(2).filter(|code| is_reference(code)).collect();
            let is_test = |code: &&str| code.contains("::") && (code.contains("test") || code.ends_with(".py"));
            // An invariant may be older than its test, if it says so and names the code.
            let excused = document.ends_with("invariants.md") && row.ends_with("| not yet |") && !references.is_empty();
            breaches.unless(excused || references.iter().any(is_test), || {
                format!("{document}: no test holds `{}`", row.chars().take(70).collect::<String>())
            });
            for reference in references {
                if let Some(fault) = unresolved(reference) {
                    breaches.add(format!("{document}: {fault}"));
                }
            }
        }
        breaches.unless(rows > 0, || format!("{document} has no rows"));
    }
    breaches.result()
}

#[test]
fn every_invariant_that_code_names_is_explained() -> Result<(), Told> {
    let page = text("docs/invariants.md").ok_or("docs/invariants.md is missing".to_owned())?;
    let mut breaches = Breaches::default();
    for file in files()?.iter().filter(|file| file.ends_with(".rs") && !file.starts_with("tests/house/")) {
        for id in invariants(&text(file).unwrap_or_default()) {
            breaches.unless(page.contains(&format!("| {id} |")), || {
                format!("{file} names {id}; docs/invariants.md does not")
            });
        }
    }
    breaches.result()
}

#[test]
fn the_changelog_has_a_place_for_what_comes() -> Result<(), Told> {
    let changelog = text("CHANGELOG.md").ok_or("CHANGELOG.md is missing".to_owned())?;
    let mut breaches = Breaches::default();
    breaches.unless(changelog.lines().any(|line| line.trim() == "## [Unreleased]"), || {
        "CHANGELOG.md has no `## [Unreleased]`".to_owned()
    });
    breaches.result()
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() -> Result<(), Told> {
    // In pieces, so that this file does not find itself.
    let places: [String; 3] = ["root", "work", "home"].map(|place| format!("/{place}/"));
    let mut breaches = Breaches::default();
    for file in files()? {
        for (at, line) in text(&file).unwrap_or_default().lines().enumerate() {
            // A folder of nobody, for tests of what is shown.
            let line = line.replace("/home/someone/", "");
            for place in places.iter().filter(|place| begins_a_path(&line, place)) {
                breaches.add(format!("{file}:{}: `{place}…` is a place of one machine", at + 1));
            }
        }
    }
    breaches.result()
}

#[test]
fn every_make_target_that_is_named_exists() -> Result<(), Told> {
    let makefile = text("Makefile").ok_or("Makefile is missing".to_owned())?;
    let targets: BTreeSet<&str> =
        makefile.lines().filter_map(|line| line.split_once(':')).map(|(name, _)| name).collect();
    let mut breaches = Breaches::default();
    for file in documents()? {
        for word in commands(&text(&file).unwrap_or_default()) {
            breaches.unless(targets.contains(word.as_str()), || format!("{file}: the Makefile has no target `{word}`"));
        }
    }
    breaches.result()
}

#[test]
fn every_make_target_says_what_it_does() -> Result<(), Told> {
    let makefile = text("Makefile").ok_or("Makefile is missing".to_owned())?;
    let is_name = |name: &str| name.chars().all(|c| c.is_ascii_lowercase() || c == '-') && !name.is_empty();
    let mut breaches = Breaches::default();
    for line in makefile.lines() {
        let Some((name, rest)) = line.split_once(':').filter(|(name, rest)| is_name(name) && !rest.starts_with('='))
        else {
            continue;
        };
        breaches.unless(rest.contains("## "), || format!("Makefile: `{name}` has no `##` that says what it does"));
    }
    breaches.result()
}

#[test]
fn links_and_headings_are_read_as_renderers_read_them() {
    let page =
        "# One two\n[a](x.md#one-two) `[no](no.md)` [b](<y z.md>)\n```\n[no](no.md)\n```\n[c]: z.md\n## `grid` & Co.\n";
    assert_eq!(links(page), ["x.md#one-two", "y z.md", "z.md"]);
    assert!(anchors(page).contains("one-two") && anchors(page).contains("grid--co"));
    assert_eq!(commands("run `make demo`\n```\nmake check test\n```\nto make sense"), ["demo", "check", "test"]);
}

fn documents() -> Result<Vec<String>, String> {
    Ok(files()?.into_iter().filter(|file| file.ends_with(".md")).collect())
}

/// Targets of links, code left out.
fn links(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in prose(page) {
        if let Some((_, target)) = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")) {
            found.push(target.trim().to_owned());
        }
        for part in line.split("](").skip(1) {
            let target = match part.strip_prefix('<') {
                Some(rest) => rest.split('>').next(),
                None => part.split([')', ' ']).next(),
            };
            found.extend(target.map(str::to_owned));
        }
    }
    found
}

/// Lines outside fences, with inline code taken out.
fn prose(page: &str) -> Vec<String> {
    let mut fenced = false;
    let mut lines = Vec::new();
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            lines.push(outside_code(line));
        }
    }
    lines
}

/// A code span that is the text of a link stays a link.
fn outside_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

fn anchors(page: &str) -> BTreeSet<String> {
    let headings = page
        .lines()
        .filter_map(|line| line.trim_start_matches('#').strip_prefix(' ').filter(|_| line.starts_with('#')));
    let slug = |heading: &str| -> String {
        let lower = heading.trim().to_lowercase();
        let kept = lower.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(slug).collect()
}

/// Targets after `make`, in code spans and fences.
fn commands(page: &str) -> Vec<String> {
    let mut fenced = false;
    let mut found = Vec::new();
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if fenced {
            found.extend(targets(line.trim_start().trim_start_matches("$ ")));
        } else {
            line.split('`').skip(1).step_by(2).for_each(|code| found.extend(targets(code)));
        }
    }
    found
}

fn targets(code: &str) -> Vec<String> {
    let Some(rest) = code.strip_prefix("make ") else { return Vec::new() };
    let words = rest.split('#').next().unwrap_or_default().split_whitespace();
    words.filter(|word| !word.contains('=')).map(str::to_owned).collect()
}

/// `path/file.rs` or `path/file.rs::name`.
fn is_reference(code: &str) -> bool {
    let file = code.split("::").next().unwrap_or_default();
    let source = [".rs", ".py", ".sh", ".toml"].iter().any(|end| file.ends_with(end));
    source && file.contains('/') && !file.contains(' ')
}

fn unresolved(reference: &str) -> Option<String> {
    let (file, name) = reference.split_once("::").map_or((reference, None), |(file, name)| (file, Some(name)));
    let Some(source) = text(file) else { return Some(format!("`{file}` does not exist")) };
    let name = name?;
    let here = ["fn ", "def ", "struct ", "const "].iter().any(|word| {
        source.match_indices(&format!("{word}{name}")).any(|(at, found)| {
            let next = source.as_bytes().get(at + found.len());
            !next.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
        })
    });
    (!here).then(|| format!("`{file}` has no `{name}`"))
}

fn invariants(source: &str) -> BTreeSet<String> {
    let id = |rest: &str| rest.chars().take_while(|c| c.is_ascii_uppercase() || c.is_ascii_digit()).collect::<String>();
    source.split("INV-").skip(1).map(id).filter(|id| !id.is_empty()).map(|id| format!("INV-{id}")).collect()
}

/// Not within an address or a longer path.
fn begins_a_path(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '}' | ')' | '*'))
    })
}
