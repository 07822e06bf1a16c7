//! Answers that come as messages.

use std::sync::Arc;
use std::time::Duration;

use ash_rusqlite_engine::service::progress::Progress;
use ash_rusqlite_engine::value::Row;
use ash_rusqlite_engine::{Code, Error, Notify, Outcome, OutputColumn, Responder, Result, RowSink};
use rustler::thread::is_scheduler_thread;
use rustler::{Env, LocalPid, OwnedEnv, Term};

use crate::atoms;
use crate::error;
use crate::handle;
use crate::janitor::{self, Task};
use crate::term::encode::outcome;
use crate::term::encode::rows::{Rows, Shape};
use crate::term::raw::Raw;

/// A message to a process, in an environment of its own.
pub struct Message {
    env: OwnedEnv,
    to: LocalPid,
    term: Raw<'static>,
}

impl Message {
    /// Builds a message. `build` gets the environment and a copy of `tag` in it.
    fn new(
        to: LocalPid,
        tag: Term<'_>,
        build: impl FnOnce(Env<'static>, Raw<'static>) -> Raw<'static>,
    ) -> Message {
        let env = OwnedEnv::new();
        let term = env.run(|env| build(env, Raw::of(tag.in_env(env))));
        Message { env, to, term }
    }

    /// Sends it. Any thread may do that: the VM lets scheduler threads send only with the
    /// environment of the process that they run, so those hand it to the janitor.
    pub fn send(self) {
        if is_scheduler_thread() {
            janitor::enqueue(Task::Send(self));
        } else {
            self.deliver();
        }
    }

    /// Sends it from a thread that is no scheduler's.
    pub fn deliver(mut self) {
        let term = self.term;
        // A process that is gone needs no answer.
        let _ = self.env.send_and_clear(&self.to, |env| term.term(env));
    }
}

/// An answer is known by a reference. Nothing else is taken, because it is copied on the
/// scheduler that the caller runs on.
fn reference(tag: Term<'_>) -> Result<Term<'_>> {
    match tag.is_ref() {
        true => Ok(tag),
        false => Err(Error::new(
            Code::InvalidQuery,
            "an answer is known by a reference, and this is none",
        )),
    }
}

/// `{tag, :ok}` to the calling process when it is called.
pub fn notify_ok(env: Env<'_>, tag: Term<'_>) -> Result<Notify> {
    let message = Message::new(env.pid(), reference(tag)?, |env, tag| {
        Raw::tuple(env, [tag, Raw::atom(atoms::ok())])
    });
    Ok(Box::new(move || message.send()))
}

/// A new reference, and `{reference, :ready}` to the calling process when it is called.
pub fn notify_ready(env: Env<'_>) -> (Raw<'_>, Notify) {
    let reference = handle::make_ref(env);
    let message = Message::new(env.pid(), reference.term(env), |env, tag| {
        Raw::tuple(env, [tag, Raw::atom(atoms::ready())])
    });
    (reference, Box::new(move || message.send()))
}

/// Called once with whether a database could be opened.
pub type OnOpened = Box<dyn FnOnce(Result<()>) + Send>;

/// Reports to the calling process whether something could be opened: `{tag, :ok | error}`.
pub fn on_opened(env: Env<'_>, tag: Term<'_>) -> Result<OnOpened> {
    let reply = Box::new(MessageReply::new(env, tag, Shape::Nothing, false)?);
    Ok(Box::new(move |result: Result<()>| {
        reply.finish(result.map(|()| Outcome::Done));
    }))
}

/// Notifies a process, as often as it happens, that another program replaced the files of a
/// database, `{:file_replaced, error}`, or that its journal does not capture all changes,
/// `{:journal_broken, error}`.
pub fn on_report(to: LocalPid) -> Box<dyn Fn(&Error) + Send + Sync> {
    Box::new(move |error| {
        let env = OwnedEnv::new();
        let what = match error.code() {
            Code::JournalBroken => atoms::journal_broken(),
            _ => atoms::file_replaced(),
        };
        let term = env.run(|env| Raw::tuple(env, [Raw::atom(what), error::answer(env, error)]));
        Message { env, to, term }.send();
    })
}

/// Answers one request of the calling process: `{tag, result}`.
pub struct MessageReply {
    env: OwnedEnv,
    to: LocalPid,
    tag: Raw<'static>,
    rows: Rows<'static>,
    timed: bool,
    waited: Option<Duration>,
}

impl MessageReply {
    /// With the form of the rows, and of decimals in them.
    pub fn new(env: Env<'_>, tag: Term<'_>, shape: Shape, decimal: bool) -> Result<MessageReply> {
        let (to, tag) = (env.pid(), reference(tag)?);
        let env = OwnedEnv::new();
        let tag = env.run(|env| Raw::of(tag.in_env(env)));
        Ok(MessageReply {
            env,
            to,
            tag,
            rows: Rows::new(shape, decimal),
            timed: false,
            waited: None,
        })
    }

    /// Whether the caller wants to know how long it waited in the queue. Then its result is
    /// `{:waited, nanoseconds, result}`, if it was run.
    pub fn timed(self, timed: bool) -> MessageReply {
        MessageReply { timed, ..self }
    }

    fn answer(&mut self, result: &Result<Outcome>) -> Raw<'static> {
        let rows = &mut self.rows;
        self.env.run(|env| {
            let answer = |error: &Error| error::answer(env, error);
            match result {
                Ok(outcome) => outcome::answer(env, outcome, rows).unwrap_or_else(|e| answer(&e)),
                Err(error) => answer(error),
            }
        })
    }
}

impl RowSink for MessageReply {
    fn begin(&mut self, columns: &Arc<[OutputColumn]>, hidden: usize, reversed: bool) {
        self.rows.begin(columns, hidden, reversed);
    }

    fn row(&mut self, row: &Row<'_>) -> Result<()> {
        let rows = &mut self.rows;
        self.env.run(|env| rows.row(env, row))
    }
}

impl Responder for MessageReply {
    fn sink(&mut self) -> &mut dyn RowSink {
        self
    }

    fn progress(&mut self, progress: Progress) {
        let tag = self.env.run(|env| self.tag.term(env));
        let message = Message::new(self.to, tag, |env, tag| {
            let map = outcome::progress(env, &progress).unwrap_or_else(|_| Raw::nil());
            Raw::tuple(env, [tag, Raw::atom(atoms::progress()), map])
        });
        message.send();
    }

    fn is_timed(&self) -> bool {
        self.timed
    }

    fn begun(&mut self, waited: Duration) {
        self.waited = Some(waited);
    }

    fn finish(mut self: Box<Self>, result: Result<Outcome>) {
        let answer = self.answer(&result);
        let MessageReply {
            env,
            to,
            tag,
            waited,
            ..
        } = *self;
        let term = env.run(|env| {
            let answer = waited.map_or(answer, |waited| {
                let waited = u64::try_from(waited.as_nanos()).unwrap_or(u64::MAX);
                let waited = Raw::unsigned(env, waited);
                Raw::tuple(env, [Raw::atom(atoms::waited()), waited, answer])
            });
            Raw::tuple(env, [tag, answer])
        });
        Message { env, to, term }.send();
    }
}
