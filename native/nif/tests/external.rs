//! Terms in the external format. Compiled into this test by itself, see `json.rs` beside it.

#[path = "../src/external.rs"]
mod external;

use external::{scan, Flaw, Holds};

fn atoms(bytes: &[u8]) -> Result<Vec<String>, Flaw> {
    let mut atoms = Vec::new();
    scan(bytes, Holds::Lasting, |atom| atoms.push(atom.into_owned()))?;
    Ok(atoms)
}

/// `[{:a, 1, 1.0}, %{"k" => :"ä"} | <<1::1>>]`
const TERM: &[u8] = &[
    131, 108, 0, 0, 0, 2, 104, 3, 119, 1, b'a', 97, 1, 70, 63, 240, 0, 0, 0, 0, 0, 0, 116, 0, 0, 0,
    1, 109, 0, 0, 0, 1, b'k', 119, 2, 0xc3, 0xa4, 77, 0, 0, 0, 1, 1, 128,
];

#[test]
fn every_atom_is_found_wherever_it_is() {
    assert_eq!(atoms(TERM).unwrap(), ["a", "ä"]);
    assert_eq!(atoms(&[131, 100, 0, 1, 0xe4]).unwrap(), ["ä"]);
    assert_eq!(atoms(&[131, 110, 1, 0, 7]).unwrap(), [""; 0]);
}

#[test]
fn bytes_that_end_early_or_continue_after_the_term_are_refused() {
    for length in 0..TERM.len() {
        assert_eq!(atoms(&TERM[..length]), Err(Flaw::Malformed), "{length}");
    }
    assert_eq!(atoms(&[TERM, &[0]].concat()), Err(Flaw::Malformed));
    assert_eq!(atoms(&[131, 119, 1, 0xff]), Err(Flaw::Malformed));
    // A list of as many items as there can be, of which none is there.
    assert_eq!(atoms(&[131, 108, 255, 255, 255, 255]), Err(Flaw::Malformed));
}

#[test]
fn functions_pids_ports_and_references_are_refused_in_any_depth() {
    for (tag, kind) in [
        (112, "function"),
        (113, "function"),
        (88, "pid"),
        (89, "port"),
        (120, "port"),
        (90, "reference"),
    ] {
        let nested = [131, 116, 0, 0, 0, 1, 97, 1, 108, 0, 0, 0, 1, 106, tag];
        assert_eq!(atoms(&nested), Err(Flaw::Fleeting(kind)));
    }
}

#[test]
fn pids_ports_and_references_may_be_kept_as_names_but_no_functions() {
    // As OTP 25 writes them, on the node `n`.
    let pid = [&[131, 88, 119, 1, b'n'][..], &[0; 12]].concat();
    let port = [&[131, 120, 119, 1, b'n'][..], &[0; 12]].concat();
    let reference = [&[131, 90, 0, 3, 119, 1, b'n'][..], &[0; 16]].concat();
    for name in [pid, port, reference] {
        let mut atoms = Vec::new();
        scan(&name, Holds::Names, |atom| atoms.push(atom.into_owned())).unwrap();
        assert_eq!(atoms, ["n"]);
        for length in 0..name.len() {
            let cut = scan(&name[..length], Holds::Names, |_| ());
            assert_eq!(cut, Err(Flaw::Malformed), "{length}");
        }
    }
    for tag in [112, 113, 117] {
        let function = scan(&[131, tag], Holds::Names, |_| ());
        assert_eq!(function, Err(Flaw::Fleeting("function")));
    }
}
