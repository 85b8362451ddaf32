//! What the guests print, line by line, and what the host has to say about them.
//!
//! A guest serves many requests at once and prints from all of them; its stdout and stderr are
//! each put together to whole lines before they go to the sink.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Takes one line, without its end, and the id of the component it is about.
pub type LogSink = Arc<dyn Fn(&str, &[u8]) + Send + Sync>;

/// The sink that writes to this process's stderr.
pub fn log_to_stderr() -> LogSink {
    Arc::new(|component, line| {
        eprintln!("[{component}] {}", String::from_utf8_lossy(line));
    })
}

/// A sink that remembers, for tests.
#[derive(Clone, Default)]
pub struct MemoryLog(Arc<Mutex<Vec<(String, String)>>>);

impl MemoryLog {
    /// The sink that fills this log.
    pub fn sink(&self) -> LogSink {
        let log = self.clone();
        Arc::new(move |component, line| {
            let line = String::from_utf8_lossy(line).into_owned();
            lock(&log.0).push((component.to_owned(), line));
        })
    }

    /// All lines so far, each with its component.
    pub fn lines(&self) -> Vec<(String, String)> {
        lock(&self.0).clone()
    }

    /// Whether a line contains `text`.
    pub fn contains(&self, text: &str) -> bool {
        lock(&self.0).iter().any(|(_, line)| line.contains(text))
    }
}

/// One guest's stdout or stderr.
#[derive(Clone)]
pub struct GuestOutput {
    component: Arc<str>,
    sink: LogSink,
    begun: Arc<Mutex<Vec<u8>>>,
}

impl GuestOutput {
    pub fn new(component: Arc<str>, sink: LogSink) -> Self {
        Self {
            component,
            sink,
            begun: Arc::default(),
        }
    }

    fn write(&self, bytes: &[u8]) {
        let mut begun = lock(&self.begun);
        begun.extend_from_slice(bytes);
        while let Some(end) = begun.iter().position(|byte| *byte == b'\n') {
            (self.sink)(&self.component, &begun[..end]);
            begun.drain(..=end);
        }
        if begun.len() > LINE_LIMIT {
            (self.sink)(&self.component, &begun);
            begun.clear();
        }
    }
}

/// The last streams of a guest are gone: what it began to print is all there will be.
impl Drop for GuestOutput {
    fn drop(&mut self) {
        let begun = lock(&self.begun);
        if Arc::strong_count(&self.begun) == 1 && !begun.is_empty() {
            (self.sink)(&self.component, &begun);
        }
    }
}

impl IsTerminal for GuestOutput {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for GuestOutput {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for GuestOutput {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[wasmtime_wasi::async_trait]
impl OutputStream for GuestOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        GuestOutput::write(self, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(LINE_LIMIT)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for GuestOutput {
    async fn ready(&mut self) {}
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A line longer than this is cut.
const LINE_LIMIT: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_become_lines_and_the_rest_comes_at_the_end() {
        let log = MemoryLog::default();
        let output = GuestOutput::new("guest".into(), log.sink());
        let stream = output.clone();
        for piece in ["one ", "line\nand", " another\n\nno end"] {
            stream.write(piece.as_bytes());
        }
        let texts = || {
            log.lines()
                .into_iter()
                .map(|(_, text)| text)
                .collect::<Vec<_>>()
        };
        drop(stream);
        assert_eq!(texts(), ["one line", "and another", ""]);
        drop(output);
        assert_eq!(texts(), ["one line", "and another", "", "no end"]);
    }

    #[test]
    fn a_line_without_end_does_not_fill_the_memory() {
        let log = MemoryLog::default();
        let output = GuestOutput::new("guest".into(), log.sink());
        output.write(&vec![b'x'; LINE_LIMIT + 1]);
        assert_eq!(log.lines().len(), 1);
    }
}
