//! `regulars init`: the first start. A home, a superuser's password, perhaps a certificate, and what to do next.

use std::io::{BufRead, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use rcgen::{CertificateParams, DnType, KeyPair, date_time_ymd};
use ring::rand::{SecureRandom, SystemRandom};

use super::{ConfigFile, read_config};
use crate::catalog::object::BOOTSTRAP_ROLE_OID;
use crate::catalog::{Catalog, RoleChange, SqliteStore};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::error::{Result, message};
use crate::ident::DATABASE;
use crate::scram::Verifier;
use crate::storage::layout::{Home, new_private_file, sync_folder};

/// Random bytes of a generated password, which is a third longer.
const PASSWORD_BYTES: usize = 18;
/// As long as clients accept a server's certificate at most.
const CERTIFICATE_DAYS: i64 = 397;

#[derive(Debug, clap::Args)]
pub struct Init {
    #[command(flatten)]
    config: ConfigFile,
    /// Take the superuser's password from the first line of this file, instead of asking for it or reading a pipe.
    #[arg(long, value_name = "FILE", conflicts_with = "generate_password")]
    password_file: Option<PathBuf>,
    /// Make up the superuser's password and print it once.
    #[arg(long)]
    generate_password: bool,
    /// Give the superuser a new password although there is one.
    #[arg(long)]
    replace_password: bool,
    /// Make a self-signed certificate, in the home folder, for a name or address by which clients reach this server.
    #[arg(long, value_name = "HOST")]
    self_signed: Vec<String>,
}

impl Init {
    /// Does what is not done yet; the server must not be running. Errors: 55006 while one holds the home.
    pub async fn run(self) -> Result<ExitCode> {
        let config = read_config(&self.config.config)?;
        let now = SystemClock.now();
        let home = Arc::new(Home::open(&config.home)?);
        let store = SqliteStore::open(Arc::clone(&home))?;
        let catalog = Catalog::open_without_tables(&config.sign_in.superuser, Box::new(store), now)?;
        println!("Home:        {}", home.root().display());
        let user = self.set_password(&catalog, now)?;
        let certificate = if self.self_signed.is_empty() { None } else { Some(self.make_certificate(&home, now)?) };
        self.tell_next_step(&config, &user, certificate.as_deref());
        Ok(ExitCode::SUCCESS)
    }

    /// Gives the superuser's name.
    fn set_password(&self, catalog: &Catalog, now: DateTime<Utc>) -> Result<String> {
        let snapshot = catalog.snapshot();
        let superuser = snapshot
            .role(BOOTSTRAP_ROLE_OID)
            .ok_or_else(|| message::internal("a catalog was opened without its superuser"))?;
        println!("Superuser:   {}", superuser.name);
        if superuser.password.is_some() && !self.replace_password {
            println!("Password:    there is one already; --replace-password gives another");
            return Ok(superuser.name.clone());
        }
        let password = self.password(&superuser.name)?;
        let verifier = Verifier::of_password(&password)?;
        let mut draft = catalog.begin();
        let change = RoleChange {
            password: Some(Some(verifier)),
            can_log_in: Some(true),
            valid_until: Some(None),
            ..RoleChange::default()
        };
        draft.alter_role(BOOTSTRAP_ROLE_OID, change)?;
        catalog.commit(draft, now)?;
        if self.generate_password {
            println!("Password:    {password}   (shown this once; only a verifier of it is kept)");
        } else {
            println!("Password:    set; only a verifier of it is kept");
        }
        Ok(superuser.name.clone())
    }

    fn password(&self, user: &str) -> Result<String> {
        let password = if self.generate_password {
            generated_password()?
        } else if let Some(path) = &self.password_file {
            let text = std::fs::read_to_string(path);
            first_line(&text.map_err(|error| message::file_fault(path, "be read", error))?)
        } else if std::io::stdin().is_terminal() {
            asked_password(user)?
        } else {
            let mut line = String::new();
            std::io::stdin().lock().read_line(&mut line).map_err(|error| message::io_failed(&error))?;
            first_line(&line)
        };
        if password.is_empty() { Err(message::password_missing()) } else { Ok(password) }
    }

    /// Writes `server.crt` and `server.key`; gives the certificate's path. Errors: 58030 when one is there already.
    fn make_certificate(&self, home: &Home, now: DateTime<Utc>) -> Result<PathBuf> {
        let unusable = |error: rcgen::Error| message::certificate_not_made(&error);
        let (starts, ends) = (now - TimeDelta::days(1), now + TimeDelta::days(CERTIFICATE_DAYS - 1));
        let mut params = CertificateParams::new(self.self_signed.clone()).map_err(unusable)?;
        params.distinguished_name.push(DnType::CommonName, self.self_signed[0].clone());
        // Months and days fit a byte.
        let day = |at: DateTime<Utc>| date_time_ymd(at.year(), at.month() as u8, at.day() as u8);
        (params.not_before, params.not_after) = (day(starts), day(ends));
        let key = KeyPair::generate().map_err(unusable)?;
        let certificate = params.self_signed(&key).map_err(unusable)?;
        // Paths in the configuration count from its folder, those here from where we are.
        let absolute =
            |path: PathBuf| std::path::absolute(&path).map_err(|error| message::file_fault(&path, "be found", error));
        let (certificate_path, key_path) = (absolute(home.certificate())?, absolute(home.key())?);
        new_private_file(&key_path, key.serialize_pem().as_bytes())?;
        new_private_file(&certificate_path, certificate.pem().as_bytes())?;
        sync_folder(home.root())?;
        println!(
            "Certificate: {}, for {}, until {}",
            certificate_path.display(),
            self.self_signed.join(", "),
            ends.date_naive()
        );
        Ok(certificate_path)
    }

    fn tell_next_step(&self, config: &Config, user: &str, certificate: Option<&Path>) {
        let file = self.config.config.display();
        println!("\nNext:");
        if let Some(certificate) = certificate.filter(|_| config.tls.is_none()) {
            if config.listen.ip().is_loopback() {
                println!("  Write at the top of {file}, to be reached from other machines:\n");
                println!("    listen = \"0.0.0.0:{}\"\n", config.listen.port());
            }
            println!("  Add to {file}:\n");
            println!("    [tls]");
            println!("    certificate = {}", toml_text(certificate));
            println!("    key = {}\n", toml_text(&certificate.with_extension("key")));
        }
        let protected = certificate.map(|path| format!(" sslmode=verify-full sslrootcert={}", path.display()));
        let host = self.self_signed.first().cloned().unwrap_or_else(|| config.listen.ip().to_string());
        let (port, protected) = (config.listen.port(), protected.unwrap_or_default());
        println!("  regulars serve --config {file}");
        println!("  psql \"host={host} port={port} user={user} dbname={DATABASE}{protected}\"");
        if config.tls.is_none() && certificate.is_none() {
            println!(
                "\n  Without TLS the server is reached from this machine alone; --self-signed HOST makes a certificate."
            );
        }
    }
}

fn generated_password() -> Result<String> {
    let mut bytes = [0; PASSWORD_BYTES];
    SystemRandom::new().fill(&mut bytes).map_err(|_unspecified| message::internal("no random bytes can be had"))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

fn asked_password(user: &str) -> Result<String> {
    let ask = |prompt: String| rpassword::prompt_password(prompt).map_err(|error| message::io_failed(&error));
    let password = ask(format!("Password for {user}: "))?;
    if ask("The same again: ".to_owned())? == password { Ok(password) } else { Err(message::passwords_differ()) }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

fn toml_text(path: &Path) -> String {
    toml::Value::String(path.display().to_string()).to_string()
}
