//! The modules of the engine and the arrows between them, as `docs/architecture.md` draws them: a
//! source file refers only to modules below its own, so there is no circle of modules. Files of one
//! module refer to each other in circles of two at most, such as a type and what is made of it.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The top-level modules from the top to the bottom, each with all that it may refer to.
const ARROWS: &[(&str, &str)] = &[
    (
        "database",
        "writer reader request execute advice migration schema journal backup connection query \
         catalog service sqlite value config error",
    ),
    (
        "writer",
        "request execute migration schema journal backup connection query catalog service sqlite \
         value config error",
    ),
    (
        "reader",
        "request execute connection query catalog service sqlite config error",
    ),
    (
        "request",
        "advice migration schema journal backup query catalog service sqlite value error",
    ),
    (
        "execute",
        "journal query catalog service sqlite value error",
    ),
    ("advice", "schema query catalog sqlite value error"),
    (
        "migration",
        "schema journal backup connection catalog service sqlite value config error",
    ),
    ("schema", "journal query catalog sqlite value error"),
    (
        "journal",
        "backup connection query catalog service sqlite value config error",
    ),
    ("backup", "query catalog service sqlite error"),
    ("connection", "query catalog sqlite config error"),
    ("query", "catalog sqlite value error"),
    ("catalog", "sqlite value error"),
    ("service", "sqlite value error"),
    ("sqlite", "config error"),
    ("value", "error"),
    ("config", "error"),
    ("error", ""),
];

type Graph = BTreeMap<String, BTreeSet<String>>;

#[test]
fn a_module_refers_only_to_modules_below_it() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> = ARROWS
        .iter()
        .map(|(upper, below)| (*upper, below.split_whitespace().collect()))
        .collect();
    let sources = Sources::read();
    let mut found = BTreeSet::new();
    let mut refused = Vec::new();
    for (from, to) in sources.references() {
        let (upper, lower) = (first_segment(&from), first_segment(&to));
        if upper == lower || upper.is_empty() {
            continue;
        }
        match allowed.get(upper) {
            None => panic!("{upper} is no module of the table ARROWS; add it"),
            Some(below) if below.contains(lower) => {
                found.insert((upper.to_owned(), lower.to_owned()));
            }
            Some(_) => refused.push(format!("{from} refers to {to}")),
        }
    }
    assert!(
        refused.is_empty(),
        "not in the table ARROWS; move what is needed into a module below both, or add the arrow if \
         it points down:\n{}",
        refused.join("\n")
    );
    for (upper, below) in &allowed {
        for lower in below {
            let arrow = ((*upper).to_owned(), (*lower).to_owned());
            assert!(
                found.contains(&arrow),
                "{upper} does not refer to {lower} any more: remove the arrow"
            );
        }
    }
}

#[test]
fn the_arrows_between_modules_make_no_circle() {
    let mut above = BTreeSet::new();
    for (upper, below) in ARROWS {
        above.insert(*upper);
        for lower in below.split_whitespace() {
            assert!(
                !above.contains(lower),
                "the arrow from {upper} to {lower} points up"
            );
            assert!(
                ARROWS.iter().any(|(known, _)| *known == lower),
                "{lower} is no module"
            );
        }
    }
}

#[test]
fn files_of_one_module_make_no_circle_of_more_than_two() {
    let sources = Sources::read();
    let mut graph = Graph::new();
    for (from, to) in sources.references() {
        if first_segment(&from) == first_segment(&to) {
            graph.entry(from).or_default().insert(to);
        }
    }
    let large: Vec<Vec<String>> = circles(&graph)
        .into_iter()
        .filter(|circle| circle.len() > 2)
        .collect();
    assert!(
        large.is_empty(),
        "files that refer to each other in a circle: {large:#?}"
    );
}

#[test]
fn references_are_found_in_all_their_forms() {
    let source = "
        use crate::value::{self, encode as e, time::{Date, Time}};
        pub(crate) use super::journal::Identity;
        // use crate::comment::Nothing;
        fn run() { crate::error::fault(); super::super::writer::run(); let a: self::b::C; }
        #[cfg(test)]
        mod tests { use crate::database::Database; }
    ";
    let found = paths_in(source);
    for wanted in [
        "crate::value",
        "crate::value::encode",
        "crate::value::time::Date",
        "crate::value::time::Time",
        "super::journal::Identity",
        "crate::error::fault",
        "super::super::writer::run",
        "self::b::C",
    ] {
        assert!(found.contains(wanted), "{wanted} in {found:?}");
    }
    assert_eq!(found.len(), 8, "{found:?}");
}

fn first_segment(module: &str) -> &str {
    module.split("::").next().unwrap()
}

/// The modules of the engine, without those of tests, each with its text.
struct Sources {
    modules: BTreeMap<String, String>,
    /// What a module gives under its own name, and the module that it comes from.
    given: BTreeMap<(String, String), String>,
}

impl Sources {
    fn read() -> Sources {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = Vec::new();
        files_under(&root, &mut files);
        let modules = files
            .iter()
            .map(|file| {
                let name = file.strip_prefix(&root).unwrap().with_extension("");
                let parts: Vec<&str> = name.iter().map(|part| part.to_str().unwrap()).collect();
                let parts = match parts.as_slice() {
                    ["lib"] => &[],
                    [parent @ .., "mod"] => parent,
                    all => all,
                };
                (parts.join("::"), fs::read_to_string(file).unwrap())
            })
            .filter(|(module, _)| !module.split("::").any(|part| part == "tests"))
            .collect();
        let mut sources = Sources {
            modules,
            given: BTreeMap::new(),
        };
        // What is given on by one module can be given on by the next.
        for _ in 0..3 {
            sources.given = sources.read_given();
        }
        sources
    }

    fn read_given(&self) -> BTreeMap<(String, String), String> {
        let mut given = BTreeMap::new();
        for (module, text) in &self.modules {
            for used in uses(&code(text)).filter(|used| used.public) {
                for path in expand(&used.tree) {
                    let (path, name) = renamed(&path);
                    let relative = ["crate", "super", "self"].contains(&first_segment(&path));
                    let path = match relative {
                        true => path,
                        false => format!("self::{path}"),
                    };
                    if let Some(from) = self.resolve(module, &path).filter(|from| from != module) {
                        given.insert((module.clone(), name), from);
                    }
                }
            }
        }
        given
    }

    /// All pairs of modules of which the first refers to the second.
    fn references(&self) -> BTreeSet<(String, String)> {
        let mut all = BTreeSet::new();
        for (module, text) in &self.modules {
            for path in paths_in(text) {
                let target = self.resolve(module, &path);
                if let Some(target) = target.filter(|target| target != module) {
                    all.insert((module.clone(), target));
                }
            }
        }
        all.retain(|(_, to)| !to.is_empty());
        all
    }

    /// The module that a path leads to.
    fn resolve(&self, module: &str, path: &str) -> Option<String> {
        let mut base: Vec<&str> = module.split("::").filter(|part| !part.is_empty()).collect();
        let mut rest = path.split("::").peekable();
        match rest.next()? {
            "crate" => base.clear(),
            "self" => {}
            "super" => {
                base.pop();
                while rest.next_if_eq(&"super").is_some() {
                    base.pop();
                }
            }
            _ => return None,
        }
        for part in rest {
            let here = base.join("::");
            if let Some(from) = self.given.get(&(here.clone(), part.to_owned())) {
                return Some(from.clone());
            }
            base.push(part);
            if !self.modules.contains_key(&base.join("::")) {
                return Some(here);
            }
        }
        Some(base.join("::"))
    }
}

fn files_under(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files_under(&path, files),
            false => files.extend(
                path.extension()
                    .is_some_and(|end| end == "rs")
                    .then_some(path),
            ),
        }
    }
}

/// A text without its comments and without its tests, which are the last module of a file.
fn code(text: &str) -> String {
    let lines = text.lines().map(|line| line.split("//").next().unwrap());
    let text = lines.collect::<Vec<&str>>().join("\n");
    let tests = text.find("#[cfg(test)]").filter(|at| {
        let behind = &text[*at..];
        behind
            .lines()
            .take(3)
            .any(|line| line.contains("mod ") && line.contains('{'))
    });
    text[..tests.unwrap_or(text.len())].to_owned()
}

struct Use {
    public: bool,
    tree: String,
}

fn uses(code: &str) -> impl Iterator<Item = Use> + '_ {
    code.split(';').filter_map(|statement| {
        let begins = |line: &&str| {
            let line = line.trim_start();
            line.starts_with("use ") || (line.starts_with("pub") && line.contains(" use "))
        };
        let line = statement.lines().find(begins)?;
        let begin = line.as_ptr().addr() - statement.as_ptr().addr();
        let (before, tree) = statement[begin..].split_once("use ")?;
        // A text may have a line that begins with the word.
        let is_tree = tree
            .chars()
            .all(|c| c.is_alphanumeric() || c.is_whitespace() || "_:{}*,".contains(c))
            && tree.matches('{').count() == tree.matches('}').count();
        is_tree.then(|| Use {
            public: before.trim_start().starts_with("pub"),
            tree: tree.split_whitespace().collect::<Vec<&str>>().join(" "),
        })
    })
}

/// The paths of a tree of names in braces.
fn expand(tree: &str) -> Vec<String> {
    let Some((head, rest)) = tree.split_once('{') else {
        let path = tree.trim();
        return match path.is_empty() {
            true => Vec::new(),
            false => vec![path.trim_end_matches("::self").to_owned()],
        };
    };
    let inner = &rest[..rest.rfind('}').unwrap()];
    let (mut depth, mut begin, mut all) = (0, 0, Vec::new());
    for (at, c) in inner.char_indices().chain([(inner.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                all.extend(expand(&inner[begin..at]));
                begin = at + 1;
            }
            _ => {}
        }
    }
    let join = |path: String| match path.as_str() {
        "self" => head.trim().trim_end_matches("::").to_owned(),
        _ => format!("{}{path}", head.trim()),
    };
    all.into_iter().map(join).collect()
}

/// A path and the name that it has where it is used.
fn renamed(path: &str) -> (String, String) {
    match path.split_once(" as ") {
        Some((path, name)) => (path.to_owned(), name.to_owned()),
        None => (
            path.to_owned(),
            path.rsplit("::").next().unwrap().to_owned(),
        ),
    }
}

/// All paths of a text that begin with `crate`, `super` or `self`.
fn paths_in(text: &str) -> BTreeSet<String> {
    let code = code(text);
    let of_uses = uses(&code).flat_map(|used| expand(&used.tree));
    let mut all: BTreeSet<String> = of_uses
        .map(|path| renamed(&path).0)
        .filter(|path| ["crate", "super", "self"].contains(&first_segment(path)))
        .collect();
    let is_name = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    for word in code.split(|c: char| !is_name(c)) {
        let path = word.trim_matches(':');
        let in_tree = word.ends_with("::");
        if path.contains("::")
            && !in_tree
            && ["crate", "super", "self"].contains(&first_segment(path))
        {
            all.insert(path.to_owned());
        }
    }
    all
}

/// The circles of a graph: sets of modules that all lead to each other.
fn circles(graph: &Graph) -> Vec<Vec<String>> {
    let reach = |from: &String| {
        let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
        while let Some(next) = open.pop() {
            for to in graph.get(next).into_iter().flatten() {
                if seen.insert(to.clone()) {
                    open.push(to);
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&String, BTreeSet<String>> =
        graph.keys().map(|from| (from, reach(from))).collect();
    let mut all = BTreeSet::new();
    for (from, to) in &reached {
        let circle: Vec<String> = to
            .iter()
            .filter(|other| reached.get(other).is_some_and(|back| back.contains(*from)))
            .cloned()
            .collect();
        all.insert(circle);
    }
    all.into_iter().filter(|circle| circle.len() > 1).collect()
}
