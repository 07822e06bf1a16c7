//! A list of stored values in one blob, which lives only between an aggregate and the row that
//! it is read from. JSON would lose blobs and the last digits of floats.

use rusqlite::types::ValueRef;

const NULL: u8 = 0;
const INTEGER: u8 = 1;
const REAL: u8 = 2;
const TEXT: u8 = 3;
const BLOB: u8 = 4;

/// Adds a value to a list. `None`: it is longer than any value that SQLite holds.
pub(crate) fn push(list: &mut Vec<u8>, value: ValueRef<'_>) -> Option<()> {
    let bytes = |list: &mut Vec<u8>, tag: u8, bytes: &[u8]| {
        let length = u32::try_from(bytes.len()).ok()?;
        list.push(tag);
        list.extend(length.to_le_bytes());
        list.extend(bytes);
        Some(())
    };
    match value {
        ValueRef::Null => list.push(NULL),
        ValueRef::Integer(number) => {
            list.push(INTEGER);
            list.extend(number.to_le_bytes());
        }
        ValueRef::Real(number) => {
            list.push(REAL);
            list.extend(number.to_le_bytes());
        }
        ValueRef::Text(text) => return bytes(list, TEXT, text),
        ValueRef::Blob(blob) => return bytes(list, BLOB, blob),
    }
    Some(())
}

/// The values of a list; an item that is `None` ends one that is damaged.
pub(super) fn items(list: &[u8]) -> impl Iterator<Item = Option<ValueRef<'_>>> {
    let mut rest = Some(list).filter(|list| !list.is_empty());
    std::iter::from_fn(move || {
        let item = item(rest?);
        rest = item.map(|(_, rest)| rest).filter(|rest| !rest.is_empty());
        Some(item.map(|(value, _)| value))
    })
}

fn item(list: &[u8]) -> Option<(ValueRef<'_>, &[u8])> {
    let (tag, rest) = list.split_first()?;
    match *tag {
        NULL => Some((ValueRef::Null, rest)),
        INTEGER => {
            let (number, rest) = rest.split_first_chunk()?;
            Some((ValueRef::Integer(i64::from_le_bytes(*number)), rest))
        }
        REAL => {
            let (number, rest) = rest.split_first_chunk()?;
            Some((ValueRef::Real(f64::from_le_bytes(*number)), rest))
        }
        TEXT | BLOB => {
            let (length, rest) = rest.split_first_chunk()?;
            let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
            let (bytes, rest) = rest.split_at_checked(length)?;
            let value = match *tag {
                TEXT => ValueRef::Text(bytes),
                _ => ValueRef::Blob(bytes),
            };
            Some((value, rest))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rusqlite::types::Value;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::Integer),
            any::<i32>().prop_map(|n| Value::Real(f64::from(n) / 3.0)),
            ".{0,4}".prop_map(Value::Text),
            prop::collection::vec(any::<u8>(), 0..4).prop_map(Value::Blob),
        ]
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(values in prop::collection::vec(value(), 0..8)) {
            let mut list = Vec::new();
            for value in &values {
                push(&mut list, value.into()).unwrap();
            }
            let found: Vec<Value> = items(&list)
                .map(|item| Value::try_from(item.unwrap()).unwrap())
                .collect();
            prop_assert_eq!(&found, &values);
            // Cut off anywhere it ends in a damaged item or at one's end, never in a wrong one.
            for end in 0..list.len() {
                let whole = items(&list[..end]).map_while(|item| item).count();
                prop_assert!(whole <= values.len());
                for (item, value) in items(&list[..end]).flatten().zip(&values) {
                    prop_assert_eq!(&Value::try_from(item).unwrap(), value);
                }
            }
        }

        #[test]
        fn any_bytes_are_read_to_an_end(bytes in prop::collection::vec(0..6_u8, 0..40)) {
            prop_assert!(items(&bytes).count() <= bytes.len());
        }
    }
}
