// SPDX-License-Identifier: LicenseRef-Northwind

// The program around the library: read the settings, open a port, and answer
// one request after the other. Everything worth testing is in the library.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

use northwind_api::clock::SystemClock;
use northwind_api::config::Config;
use northwind_api::routes::{answer, Request};
use northwind_api::store::Store;

fn main() -> std::io::Result<()> {
    let config = match Config::from_args(std::env::args().skip(1)) {
        Ok(config) => config,
        Err(error) => {
            // A wrong setting is the fault of the person who starts the
            // service, so tell them in one line and don't print a backtrace.
            eprintln!("northwind-api: {error}");
            std::process::exit(2);
        }
    };
    let listener = TcpListener::bind(&config.bind)?;
    let mut store = Store::default();
    for stream in listener.incoming() {
        // A client that hangs up in the middle is not an error of ours.
        if let Err(error) = serve(stream?, &mut store) {
            eprintln!("northwind-api: a client left early: {error}");
        }
    }
    Ok(())
}

fn serve(stream: TcpStream, store: &mut Store) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first)?;
    // The proxy in front of us has checked the rest of the head already. We
    // only need the method and the path here.
    let request = Request::from_line(first.trim_end());
    let response = answer(request, store, &SystemClock);
    let mut stream = reader.into_inner();
    write!(
        stream,
        "HTTP/1.1 {}\r\ncontent-length: {}\r\n\r\n{}",
        response.status,
        response.body.len(),
        response.body
    )
}
