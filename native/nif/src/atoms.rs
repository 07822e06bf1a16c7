//! The atoms that terms are compared with and built from, and the text of any other.

use std::sync::OnceLock;

use ash_rusqlite_engine::Name;
use rustler::{Atom, Env, Term};

use crate::term::raw::Raw;

rustler::atoms! {
    // Answers.
    ok,
    error,
    dirty,
    wait,
    ready,
    gathered,
    queued,
    full,
    running,
    commit,
    idle,
    maintenance,
    writing,
    progress,
    file_replaced,
    journal_broken,
    waited,
    infinity,
    nil,
    true_ = "true",
    false_ = "false",
    // Keys of result maps.
    version,
    name,
    duration_us,
    taken_over,
    estimate_ms,
    held_us,
    migrations,
    problems,
    broken,
    path,
    tables,
    state,
    applied_at,
    pending,
    applied,
    changed,
    missing,
    pages,
    bytes,
    busy,
    wal_pages,
    checkpointed_pages,
    phase,
    kind,
    table,
    column,
    index,
    constraint,
    expected,
    found,
    statement,
    message,
    label,
    done,
    total,
    engine,
    sqlite,
    layout,
    // Of generated migrations.
    files,
    questions,
    notes,
    text_ = "text",
    to,
    from,
    profile,
    // Of events.
    sensitive,
    redacted,
    // Of advice.
    foreign_keys,
    statements,
    indexes,
    columns,
    references,
    sql,
    runs,
    rows,
    full_scan_steps,
    sorts,
    automatic_index_rows,
    // Of journals.
    events,
    event,
    differences,
    key,
    row,
    empty,
    // Of the forms of times.
    example,
    left,
    // Of the journal.
    values,
    scrubbed,
    baselines,
    head,
    sealed,
    seals,
    hash,
    removed,
    fault,
    first,
    last,
    // Structs.
    __struct__,
    date_time = "Elixir.DateTime",
    naive_date_time = "Elixir.NaiveDateTime",
    date = "Elixir.Date",
    time = "Elixir.Time",
    decimal = "Elixir.Decimal",
    calendar_iso = "Elixir.Calendar.ISO",
    calendar,
    year,
    month,
    day,
    hour,
    minute,
    second,
    microsecond,
    std_offset,
    unsynced,
    utc_offset,
    time_zone,
    zone_abbr,
    sign,
    coef,
    exp,
    nan = "NaN",
    inf,
}

// https://www.erlang.org/doc/apps/erts/erl_ext_dist.html
const VERSION: u8 = 131;
const ATOM_UTF8: u8 = 118;
const SMALL_ATOM_UTF8: u8 = 119;
/// The largest number of characters of an atom.
const MAX_CHARACTERS: usize = 255;

/// The atoms whose texts were asked for, in the places that their words lead to. One place
/// holds one text for good, as the VM holds the atom.
static KNOWN: [OnceLock<Known>; PLACES] = [const { OnceLock::new() }; PLACES];
const PLACES: usize = 4096;

struct Known {
    atom: usize,
    text: Box<str>,
}

/// The text of an atom. Nothing is copied of those that are asked for again and again.
pub fn text(term: Term<'_>) -> Option<Name> {
    let atom = Raw::tag_of(Atom::from_term(term).ok()?);
    // The lowest bits mark an atom.
    let place = KNOWN.get((atom >> 6) % PLACES)?;
    if let Some(known) = place.get().filter(|known| known.atom == atom) {
        return Some(Name::kept(&known.text));
    }
    let text = text_of(term)?;
    // The second atom of the same place is copied each time.
    place.get_or_init(|| Known {
        atom,
        text: text.as_str().into(),
    });
    Some(text.into())
}

fn text_of(term: Term<'_>) -> Option<String> {
    // The NIF API of OTP 25 reads Latin-1 atoms only; the external format has them all.
    term.atom_to_string().ok().or_else(|| text_of_any(term))
}

fn text_of_any(term: Term<'_>) -> Option<String> {
    if !term.is_atom() {
        return None;
    }
    let external = term.to_binary();
    let text = match external.as_slice() {
        [VERSION, SMALL_ATOM_UTF8, _, text @ ..] => text,
        [VERSION, ATOM_UTF8, _, _, text @ ..] => text,
        _ => return None,
    };
    std::str::from_utf8(text).ok().map(str::to_owned)
}

/// Whether a text is short enough for an atom.
pub fn fits(text: &str) -> bool {
    text.chars().count() <= MAX_CHARACTERS
}

/// Whether the VM has the atom of a text.
pub fn exists(env: Env<'_>, text: &str) -> bool {
    external(text).is_some_and(|external| env.binary_to_term(&external).is_some())
}

/// The atom of a text, or `None` when the text is too long for one. Only for names whose
/// number is bounded, such as those of columns: an atom is never freed.
pub fn make(env: Env<'_>, text: &str) -> Option<Atom> {
    if !fits(text) {
        return None;
    }
    Atom::from_str(env, text)
        .ok()
        .or_else(|| make_any(env, text))
}

fn make_any(env: Env<'_>, text: &str) -> Option<Atom> {
    let external = external(text)?;
    // SAFETY: the bytes are a well-formed atom in the external term format.
    let (term, _) = unsafe { env.binary_to_term_trusted(&external) }?;
    Atom::from_term(term).ok()
}

fn external(text: &str) -> Option<Vec<u8>> {
    let length = u16::try_from(text.len()).ok()?;
    let mut external = vec![VERSION, ATOM_UTF8];
    external.extend(length.to_be_bytes());
    external.extend(text.as_bytes());
    Some(external)
}
