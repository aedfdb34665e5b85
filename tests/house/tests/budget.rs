//! Sizes as budgets: what does not fit is divided, not excused. Tests and benches stand apart and do not count.

use std::{collections::BTreeMap, collections::BTreeSet};

use grid_house::{Breaches, Told, files, text};
use syn::{
    Attribute, File, ImplItemFn, ItemFn, ItemImpl, ItemMod, ItemTrait, TraitItemFn,
    spanned::Spanned,
    visit::{self, Visit},
};

const FILE: usize = 400;
const FUNCTION: usize = 60;
const CRATE: usize = 4_000;

/// What may be larger: a file, `file::function` or a crate's folder, each with its reason. One that is no longer
/// needed fails as well.
const EXEMPT: &[(&str, &str)] = &[
    ("sdk/python/src/altar_grid/_codes.py", "a class for each code, made of docs/errors by sdk/python/generate.sh"),
    ("sdk/python/src/altar_grid/_wire/grid/v1/client_pb2_grpc.py", "made of proto/ by sdk/python/generate.sh"),
    ("host/audit/src/encode.rs::encode", "a line for each field of a record, in the order of the log"),
    ("host/server", "every stage is put together here, and every door is a file of its own"),
    ("host/transport/grpc", "one match on the path for every door, and what guards each connection of them"),
    ("tests/bench", "a process for each part of a measurement, and overload beside the call and the log"),
    ("sdk/rust", "callers, runtimes, operators, auditors and people who approve share one connection"),
];

/// Sources in other languages have the file budget only.
const OTHERS: [&str; 8] = [".py", ".sh", ".proto", ".ts", ".js", ".ex", ".exs", "Makefile"];

#[derive(Default)]
struct Sizes {
    files: Vec<(String, usize)>,
    functions: Vec<(String, usize)>,
    crates: BTreeMap<String, usize>,
}

#[test]
fn files_functions_and_crates_keep_their_size() -> Result<(), Told> {
    let sizes = measure()?;
    let mut breaches = Breaches::default();
    let mut needed = BTreeSet::new();
    let crates: Vec<(String, usize)> = sizes.crates.into_iter().collect();
    for (list, budget) in [(&sizes.files, FILE), (&sizes.functions, FUNCTION), (&crates, CRATE)] {
        for (what, lines) in list.iter().filter(|(_, lines)| *lines > budget) {
            match EXEMPT.iter().find(|(exempt, _)| exempt == what) {
                Some((exempt, _)) => {
                    needed.insert(*exempt);
                }
                None => breaches.add(format!(
                    "`{what}` has {lines} lines, {budget} is its budget; divide it, or add it to EXEMPT of \
                     tests/house/tests/budget.rs with the reason"
                )),
            }
        }
    }
    for (what, _) in EXEMPT.iter().filter(|(what, _)| !needed.contains(what)) {
        breaches.add(format!("`{what}` is exempt and need not be; take it out of EXEMPT"));
    }
    breaches.result()
}

#[test]
fn exemptions_have_reasons() {
    for (what, reason) in EXEMPT {
        assert!(reason.split_whitespace().count() >= 4, "`{what}` is exempt without a reason worth the name");
    }
}

#[test]
fn the_counting_is_right() -> Result<(), Told> {
    let source = "fn short() {}\n\n/// Not part of it.\n#[inline]\nfn three() {\n    short();\n}\n\n#[cfg(test)]\nmod tests {\n    fn x() {\n    }\n}\n\n\
                  struct S;\nimpl S {\n    fn two() {\n    }\n}\n#[test]\nfn not_counted() {\n\n}\n";
    let file = syn::parse_file(source).map_err(|error| error.to_string())?;
    let mut count = Count::default();
    count.visit_file(&file);
    let expected = [("short", 1), ("three", 3), ("S::two", 2)];
    let expected: Vec<(String, usize)> = expected.map(|(name, lines)| (name.to_owned(), lines)).into();
    assert_eq!(count.functions, expected);
    assert_eq!(count.test_lines, 9, "five of the module, four of the test");
    Ok(())
}

fn measure() -> Result<Sizes, Told> {
    let files = files()?;
    let folders: Vec<&str> = files.iter().filter_map(|file| file.strip_suffix("/Cargo.toml")).collect();
    let mut sizes = Sizes::default();
    for file in &files {
        if OTHERS.iter().any(|end| file.ends_with(end)) {
            sizes.files.push((file.clone(), lines(file)));
            continue;
        }
        if !file.ends_with(".rs") {
            continue;
        }
        let folder =
            folders.iter().filter(|folder| file.starts_with(&format!("{folder}/"))).max_by_key(|folder| folder.len());
        let folder = folder.copied().unwrap_or_default();
        if is_apart(file.strip_prefix(folder).unwrap_or(file)) {
            continue;
        }
        let parsed = parse(file)?;
        let mut count = Count::default();
        count.visit_file(&parsed);
        let own = lines(file).saturating_sub(count.test_lines);
        sizes.files.push((file.clone(), own));
        *sizes.crates.entry(folder.to_owned()).or_default() += own;
        sizes.functions.extend(count.functions.into_iter().map(|(name, lines)| (format!("{file}::{name}"), lines)));
    }
    if sizes.functions.len() < 100 {
        return Err(Told::from(format!("only {} functions were found; the search is broken", sizes.functions.len())));
    }
    Ok(sizes)
}

fn parse(file: &str) -> Result<File, String> {
    let source = text(file).ok_or_else(|| format!("`{file}` cannot be read"))?;
    syn::parse_file(&source).map_err(|error| format!("`{file}`: {error}"))
}

/// Tests and benches of a crate: `tests.rs`, `tests/`, `benches/`.
fn is_apart(within_crate: &str) -> bool {
    let mut parts = within_crate.split('/');
    parts.any(|part| matches!(part, "tests" | "benches" | "tests.rs"))
}

fn lines(file: &str) -> usize {
    text(file).map_or(0, |text| text.lines().count())
}

/// Functions with their lines, and the lines of tests, which do not count.
#[derive(Default)]
struct Count {
    functions: Vec<(String, usize)>,
    test_lines: usize,
    within: Vec<String>,
}

impl Count {
    fn function(&mut self, name: &str, whole: &impl Spanned, from: &impl Spanned) {
        let lines = whole.span().end().line.saturating_sub(from.span().start().line) + 1;
        let mut path = self.within.clone();
        path.push(name.to_owned());
        self.functions.push((path.join("::"), lines));
    }

    /// Whether an item is a test; if so, its lines are put apart.
    fn is_test(&mut self, attributes: &[Attribute], item: &impl Spanned) -> bool {
        let is_test = attributes.iter().any(|attribute| {
            let path = attribute.path();
            let last = path.segments.last().is_some_and(|segment| segment.ident == "test");
            let cfg =
                path.is_ident("cfg") && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"));
            last || cfg
        });
        if is_test {
            let span = item.span();
            self.test_lines += span.end().line.saturating_sub(span.start().line) + 1;
        }
        is_test
    }

    fn inside(&mut self, name: String, walk: impl FnOnce(&mut Self)) {
        self.within.push(name);
        walk(self);
        self.within.pop();
    }
}

impl<'ast> Visit<'ast> for Count {
    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        if !self.is_test(&item.attrs, item) {
            self.function(&item.sig.ident.to_string(), &item.block, &item.sig);
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if !self.is_test(&item.attrs, item) {
            self.function(&item.sig.ident.to_string(), &item.block, &item.sig);
            visit::visit_impl_item_fn(self, item);
        }
    }

    fn visit_trait_item_fn(&mut self, item: &'ast TraitItemFn) {
        if let Some(block) = &item.default {
            self.function(&item.sig.ident.to_string(), block, &item.sig);
        }
        visit::visit_trait_item_fn(self, item);
    }

    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if !self.is_test(&item.attrs, item) {
            self.inside(item.ident.to_string(), |count| visit::visit_item_mod(count, item));
        }
    }

    fn visit_item_impl(&mut self, item: &'ast ItemImpl) {
        let name = match &*item.self_ty {
            syn::Type::Path(path) => path.path.segments.last().map(|segment| segment.ident.to_string()),
            _ => None,
        };
        if !self.is_test(&item.attrs, item) {
            self.inside(name.unwrap_or_else(|| "impl".to_owned()), |count| visit::visit_item_impl(count, item));
        }
    }

    fn visit_item_trait(&mut self, item: &'ast ItemTrait) {
        self.inside(item.ident.to_string(), |count| visit::visit_item_trait(count, item));
    }
}
