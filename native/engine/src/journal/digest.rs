//! Digests of sensitive values, in SQL.
//!
//! An event says that a sensitive column changed, and whether to a value that it had before, by a
//! SHA-256 over the journal's secret, the value's storage class and its bytes. It is computed by
//! SQL functions of SQLite's own alone (3.38 and later), because any program may write to the file:
//! a recursive WITH whose rows are the rounds of SHA-256 (FIPS 180-4). That takes about 0.4 ms for
//! each 64 bytes, and only when such a column is written.

use std::fmt::Write as _;

/// Longer values have a random token instead of a digest: theirs would hold the writer for long.
pub(super) const LONGEST: usize = 1_024;

/// The constants of the rounds, of 10 digits each.
const ROUNDS: [&str; 8] = [
    "11163524081899447441304932347139210095730961987163150897099324536357482870763221",
    "36243810800310598401060722527814268819871925078388216207820626148881033248222580",
    "38353904014022224774026434707806048076280770255983124915012215550816921996064986",
    "25542208822821834349295299680832103136713336571891358452871101139269930338241895",
    "06663072050773529912129475737213961822911695183700198666105121770263502456956037",
    "27304859212820302411325973080033457647713516065817360035280440945719090275423344",
    "04302277340506948616065906055608839978770958139571132282221815370020631747873779",
    "19555622222024104815222773045223618524242428436474275673418732040314793329325298",
];

/// The state before the first block.
const START: [u32; 8] = [
    1_779_033_703,
    3_144_134_277,
    1_013_904_242,
    2_773_480_762,
    1_359_893_119,
    2_600_822_924,
    528_734_635,
    1_541_459_225,
];

const MASK: &str = "4294967295";
/// The next 16 words of the message.
const WORDS: [&str; 16] = [
    "w0", "w1", "w2", "w3", "w4", "w5", "w6", "w7", "w8", "w9", "wa", "wb", "wc", "wd", "we", "wf",
];
/// The state within a block.
const STATE: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
/// The state before the block.
const BEFORE: [&str; 8] = ["s", "t", "u", "v", "x", "y", "z", "o"];

/// A value as JSON that says that it changed, and nothing of it.
pub(super) fn encoded(place: &str) -> String {
    format!(
        "CASE WHEN {place} IS NULL THEN 'null' ELSE '{{\"digest\":\"' || \
         CASE WHEN length(CAST({place} AS BLOB)) > {LONGEST} THEN hex(randomblob(32)) \
         ELSE {} END || '\"}}' END",
        sha256(place)
    )
}

/// The SHA-256 of a value that is not null, as hexadecimal digits.
fn sha256(place: &str) -> String {
    let word = |from: &str| format!("substr(q,{from},10)+0");
    let words = WORDS.join(",");
    let (state, before) = (STATE.join(","), BEFORE.join(","));
    let start = START.map(|word| word.to_string()).join(",");
    let first: Vec<String> = (0..16).map(|at| word(&(10 * at + 1).to_string())).collect();
    format!(
        "(WITH RECURSIVE m(m)AS(SELECT hex(secret)||hex(typeof({place}))||\
         hex(CASE typeof({place})WHEN'real'THEN quote({place})ELSE {place} END)\
         FROM ash_rusqlite_request WHERE id=1),\
         p(p)AS(SELECT m||'80'||substr(hex(zeroblob(64)),1,127-(length(m)+17)%128)\
         ||printf('%016X',length(m)*4)FROM m),\
         j(j,t)AS(SELECT 1,''UNION ALL SELECT j+8,t||printf('%010d',\
         (SELECT sum(instr('123456789ABCDEF',substr(p,j+key,1))<<28-4*key)\
         FROM json_each('[0,0,0,0,0,0,0,0]')))FROM j,p WHERE j<length(p)),\
         q(q,k)AS MATERIALIZED(SELECT t,'{}'FROM j ORDER BY j DESC LIMIT 1),\
         r(n,i,{words},{state},{before})AS(SELECT 0,0,{},{start},{start} FROM q \
         UNION ALL SELECT n+(i>63),iif(i>63,0,i+1),{} FROM r,q WHERE 160*n<length(q))\
         SELECT printf('%08X%08X%08X%08X%08X%08X%08X%08X',{state})FROM r WHERE i=0 \
         ORDER BY n DESC LIMIT 1)",
        ROUNDS.concat(),
        first.join(","),
        round()
    )
}

/// The columns after a round, or, after the last one of a block, at the start of the next.
fn round() -> String {
    let mut columns = String::new();
    for at in 0..WORDS.len() {
        let next = match WORDS.get(at + 1) {
            Some(next) => (*next).to_owned(),
            None => format!(
                "w0+({}&{MASK})+w9+({}&{MASK})&{MASK}",
                xor(&xor(&rotated("w1", 7), &rotated("w1", 18)), "(w1>>3)"),
                xor(&xor(&rotated("we", 17), &rotated("we", 19)), "(we>>10)"),
            ),
        };
        let first = 10 * at + 161;
        let _ = write!(columns, "iif(i>63,substr(q,160*n+{first},10)+0,{next}),");
    }
    let one = format!(
        "h+({}&{MASK})+(e&f|(~e&g))+CAST(substr(k,10*i+1,10)AS INT)+w0",
        rotations("e", [6, 11, 25])
    );
    let a = format!(
        "{one}+({}&{MASK})+(a&b|(a&c)|(b&c))",
        rotations("a", [2, 13, 22])
    );
    let e = format!("d+{one}");
    let next = [&a, "a", "b", "c", &e, "e", "f", "g"];
    for ((state, before), next) in STATE.iter().zip(BEFORE).zip(next) {
        let _ = write!(columns, "iif(i>63,{before}+{state},{next})&{MASK},");
    }
    let kept = STATE.iter().zip(BEFORE);
    let kept: Vec<String> = kept
        .map(|(state, before)| format!("iif(i>63,{before}+{state}&{MASK},{before})"))
        .collect();
    columns + &kept.join(",")
}

/// SQLite has no operator for it.
fn xor(one: &str, other: &str) -> String {
    format!("(({one}|{other})-({one}&{other}))")
}

/// 32 bits, rotated to the right; there may be more bits above them.
fn rotated(word: &str, by: u32) -> String {
    format!("({word}>>{by}|({word}<<{}))", 32 - by)
}

fn rotations(word: &str, [one, two, three]: [u32; 3]) -> String {
    let two = xor(&rotated(word, one), &rotated(word, two));
    xor(&two, &rotated(word, three))
}
