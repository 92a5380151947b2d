//! A proxy for HTTP that does to chosen requests what networks and busy services do: for tests of a store that talks to one.
//!
//! ```no_run
//! use sundae_plugin_testkit::fault_proxy::{Fault, Proxy};
//!
//! let proxy = Proxy::before("http://127.0.0.1:7480");
//! proxy.does(Fault::Answer(503, "<Code>SlowDown</Code>"), 2, "PUT", "/bucket/");
//! // A store whose endpoint is `proxy.url()` puts an object all the same, and has asked three times.
//! assert_eq!(proxy.count("PUT", "/bucket/"), 3);
//! ```
//!
//! It speaks HTTP/1.1 without encryption, reads requests that tell their length, and holds each body in memory.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What is done to a request.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Fault {
    /// It is answered with this status and body, and not passed on.
    Answer(u16, &'static str),
    /// It is passed on, and of the answer's body only so many bytes come back before the connection breaks.
    Truncate(usize),
    /// It is passed on, and the connection breaks in the place of the answer.
    LoseAnswer,
    /// It is passed on after so long.
    Delay(Duration),
    /// It is never answered.
    Hang,
}

#[derive(Debug)]
struct Rule {
    /// Which requests: the start of `PUT /bucket/key?query`, and what else must be in that line.
    method: &'static str,
    within: &'static str,
    /// How many are let through before.
    skip: usize,
    /// To how many it is done.
    times: usize,
    fault: Fault,
}

/// A proxy, for as long as the process runs.
#[derive(Debug)]
pub struct Proxy {
    address: String,
    rules: Arc<Mutex<Vec<Rule>>>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// A proxy on a free port of the loopback interface before a server: `http://127.0.0.1:7480`.
    ///
    /// # Panics
    /// If there is no free port.
    pub fn before(server: &str) -> Self {
        let upstream =
            server.trim_start_matches("http://").split('/').next().expect("a host").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it is bound").to_string();
        let rules: Arc<Mutex<Vec<Rule>>> = Arc::default();
        let seen: Arc<Mutex<Vec<String>>> = Arc::default();
        let (shared, log) = (Arc::clone(&rules), Arc::clone(&seen));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (upstream, rules, seen) =
                    (upstream.clone(), Arc::clone(&shared), Arc::clone(&log));
                // A client that goes away in the middle is none of the proxy's business.
                thread::spawn(move || serve(&client, &upstream, &rules, &seen).ok());
            }
        });
        Self { address, rules, seen }
    }

    /// Where it is: the endpoint of a store that is to meet with faults.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Does `fault` to the next `times` requests of that method with `within` in their path or query.
    pub fn does(&self, fault: Fault, times: usize, method: &'static str, within: &'static str) {
        self.does_after(0, fault, times, method, within);
    }

    /// The same, after `skip` such requests.
    pub fn does_after(
        &self,
        skip: usize,
        fault: Fault,
        times: usize,
        method: &'static str,
        within: &'static str,
    ) {
        self.rules.lock().expect("nobody panics while holding it").push(Rule {
            method,
            within,
            skip,
            times,
            fault,
        });
    }

    /// How many faults are still to come.
    ///
    /// # Panics
    /// If one of its threads has panicked.
    pub fn left(&self) -> usize {
        let rules = self.rules.lock().expect("nobody panics while holding it");
        rules.iter().map(|rule| rule.times).sum()
    }

    /// Does nothing any more but pass on.
    ///
    /// # Panics
    /// If one of its threads has panicked.
    pub fn heal(&self) {
        self.rules.lock().expect("nobody panics while holding it").clear();
    }

    /// How many requests of that method with `within` have come.
    pub fn count(&self, method: &str, within: &str) -> usize {
        let seen = self.seen.lock().expect("nobody panics while holding it");
        seen.iter().filter(|line| line.starts_with(method) && line.contains(within)).count()
    }
}

/// One request to a connection.
fn serve(
    client: &TcpStream,
    upstream: &str,
    rules: &Mutex<Vec<Rule>>,
    seen: &Mutex<Vec<String>>,
) -> io::Result<()> {
    let mut reader = BufReader::new(client);
    let (first, headers) = read_head(&mut reader)?;
    seen.lock().expect("nobody panics while holding it").push(first.clone());
    let fault = chosen(rules, &first);
    let length = length(&headers);
    if headers.to_ascii_lowercase().contains("expect: 100-continue") {
        (&mut &*client).write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    match fault {
        Some(Fault::Answer(status, text)) => {
            let length = text.len();
            let answer = format!(
                "HTTP/1.1 {status} No\r\ncontent-type: application/xml\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
            );
            let mut client = client;
            client.write_all(answer.as_bytes())?;
            if first.starts_with("HEAD") { Ok(()) } else { client.write_all(text.as_bytes()) }
        }
        Some(Fault::Hang) => {
            // Until the client has enough of it.
            reader.read_to_end(&mut Vec::new()).map(drop)
        }
        Some(Fault::LoseAnswer) => {
            let _answer = pass_on(upstream, &first, &headers, &body)?;
            client.shutdown(Shutdown::Both)
        }
        Some(Fault::Truncate(bytes)) => {
            let answer = pass_on(upstream, &first, &headers, &body)?;
            let head =
                answer.windows(4).position(|four| four == b"\r\n\r\n").map_or(0, |end| end + 4);
            let end = (head + bytes).min(answer.len());
            (&mut &*client).write_all(&answer[..end])?;
            client.shutdown(Shutdown::Both)
        }
        Some(Fault::Delay(time)) => {
            thread::sleep(time);
            (&mut &*client).write_all(&pass_on(upstream, &first, &headers, &body)?)
        }
        None => (&mut &*client).write_all(&pass_on(upstream, &first, &headers, &body)?),
    }
}

fn read_head(reader: &mut impl BufRead) -> io::Result<(String, String)> {
    let mut first = String::new();
    reader.read_line(&mut first)?;
    let mut headers = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            return Ok((first.trim_end().to_owned(), headers));
        }
        if !line.to_ascii_lowercase().starts_with("connection:") {
            headers.push_str(&line);
        }
    }
}

fn length(headers: &str) -> usize {
    let lines = headers.lines().filter_map(|line| line.split_once(':'));
    let mut lengths = lines.filter(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    lengths.next().map_or(0, |(_, value)| value.trim().parse().expect("a number"))
}

fn chosen(rules: &Mutex<Vec<Rule>>, line: &str) -> Option<Fault> {
    let mut rules = rules.lock().expect("nobody panics while holding it");
    let mut fits = rules.iter_mut().filter(|rule| {
        rule.times > 0 && line.starts_with(rule.method) && line.contains(rule.within)
    });
    let rule = fits.next()?;
    if rule.skip > 0 {
        rule.skip -= 1;
        return None;
    }
    rule.times -= 1;
    Some(rule.fault)
}

/// The whole answer of the server.
fn pass_on(upstream: &str, first: &str, headers: &str, body: &[u8]) -> io::Result<Vec<u8>> {
    let mut server = TcpStream::connect(upstream)?;
    server.write_all(format!("{first}\r\n{headers}connection: close\r\n\r\n").as_bytes())?;
    server.write_all(body)?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer)?;
    Ok(answer)
}
