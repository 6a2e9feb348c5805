//! The program: reads the command line and does what it says.

use saolou_server::app::Failure;
use saolou_server::commands;
use saolou_server::config::{Cli, Command};
use saolou_server::pipeline;
use std::process::ExitCode;

/// Reading a push makes and drops thousands of small values beside the few that stay. The system's
/// allocator came to hold several times what is in use; this one gives it back. It is built to ask
/// for no huge pages (`no_thp`), which round up what stays.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = Cli::read();
    if let Command::ReadPhoto = cli.command {
        // Alone, before there are threads.
        let read = pipeline::run().map(|()| ExitCode::SUCCESS);
        return read.unwrap_or_else(|error| fail(&error.into()));
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.into()),
    };
    runtime.block_on(run(cli.command)).unwrap_or_else(|error| fail(&error))
}

async fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Serve(settings) => commands::serve(&settings).await,
        Command::Demo(demo) => commands::demo(&demo).await,
        Command::Import(import) => commands::import(&import).await,
        Command::Rebuild(settings) => commands::rebuild(&settings).await,
        Command::User(user) => commands::user(&user).await,
        Command::Archive(archive) => commands::archive(&archive).await,
        Command::Evidence(command) => commands::evidence::run(&command).await,
        Command::Witness(options) => commands::evidence::witness(&options).await,
        Command::ReadPhoto => unreachable!("it was done before there were threads"),
    }
}

#[expect(clippy::print_stderr, reason = "the last words of a program that fails")]
fn fail(error: &Failure) -> ExitCode {
    eprintln!("saolou: {error}");
    ExitCode::from(2)
}
