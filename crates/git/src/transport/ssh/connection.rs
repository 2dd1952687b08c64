//! An SSH connection: who we are, who the server is, and one `git-upload-pack` at a time.

use std::borrow::Cow;
use std::future::Future;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use russh::client::{self, AuthResult, GexParams, Handle, Msg};
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg};
use russh::{Channel, ChannelMsg, Disconnect, Preferred, cipher, kex};
use tokio::runtime::Runtime;

use super::ending::Ending;
use super::host::{Farewell, Fault, Gate, Identity};
use super::key;
use crate::Error;
use crate::known_hosts::{Host, KnownHosts};
use crate::transport::{Options, failure, secret, tunnel};
use crate::url::SshUrl;

/// The port of SSH.
const PORT: u16 = 22;

/// Whom one is at a forge, where the URL names nobody.
const USER: &str = "git";

/// The largest file with a key that is read; RSA keys of 16,384 bits have 13 kB.
const LARGEST_KEY: u64 = 64 * 1024;
/// The largest `known_hosts` that is read: some thousand hosts.
const LARGEST_KNOWN_HOSTS: u64 = 1024 * 1024;

/// What a server may send before it waits for us. It lies in the system's buffers, not in ours, until it is read.
const WINDOW: u32 = 2 * 1024 * 1024;
/// Packets of 32 kB that wait for their reader in our memory.
const PACKETS: usize = 4;

/// For a server to say why it ended, and to end.
const PARTING: Duration = Duration::from_secs(2);

/// An authenticated connection.
pub(super) struct Connection {
    handle: Option<Handle<Gate>>,
    channel: Option<Channel<Msg>>,
    /// The packet in hand, and how much of it was taken.
    packet: Option<(ChannelMsg, usize)>,
    ending: Ending,
    /// What was presented to the server, for messages.
    with: String,
    farewell: Farewell,
    /// The last to go: what is above says good-bye on it.
    runtime: Runtime,
}

impl Connection {
    /// Connects, looks at the server's key and shows ours.
    pub fn open(url: &SshUrl, options: &Options) -> Result<Self, Error> {
        let port = url.port.unwrap_or(PORT);
        let key = options.ssh_key_file.as_deref().map(read_key).transpose()?;
        let identity = Identity {
            host: Host::new(&url.host, port),
            known: options.known_hosts_file.as_deref().map(read_known_hosts).transpose()?,
        };
        let config = Arc::new(config(&identity));
        let farewell = Farewell::default();
        let gate = Gate { identity: identity.clone(), farewell: farewell.clone() };
        let stream = tunnel::connect("ssh", &url.host, port, options)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(|error| Error::io("start an SSH connection", error))?;
        let connected = runtime.block_on(within(options.connect_timeout, "agreeing on keys", async {
            let stream = asynchronous(stream).map_err(russh::Error::IO)?;
            client::connect_stream(config, stream, gate).await
        }))?;
        let mut connection = Self {
            handle: None,
            channel: None,
            packet: None,
            ending: Ending::default(),
            with: presented(key.as_ref(), options.ssh_key_file.as_deref()),
            farewell,
            runtime,
        };
        let handle = connected.map_err(|fault| connection.fault(fault, &identity.host))?;
        let handle = connection.handle.insert(handle);
        let user = url.user.as_deref().unwrap_or(USER);
        let outcome = connection.runtime.block_on(within(
            options.first_byte_timeout,
            "it looked at our key",
            authenticate(handle, user, key),
        ))?;
        let said = match outcome {
            Ok(AuthResult::Success) => return Ok(connection),
            Ok(AuthResult::Failure { remaining_methods, partial_success }) => {
                let ways: Vec<&str> = remaining_methods.iter().map(Into::into).collect();
                let more = if partial_success { "accepted, but more is asked for: " } else { "it accepts " };
                format!("{more}{}", ways.join(", "))
            }
            // Too many attempts, or an account that is locked, end the connection.
            Err(error) => {
                let fault = connection.fault(Fault::Ssh(error), &identity.host);
                let said = connection.farewell.said();
                if said.is_empty() {
                    return Err(fault);
                }
                said
            }
        };
        let (host, with) = (identity.host.to_string(), connection.with.clone());
        Err(Error::KeyRefused { host, user: user.to_owned(), with, said })
    }

    /// Runs a command; one that ran before is ended.
    pub fn start(&mut self, command: &str, options: &Options) -> Result<(), Error> {
        self.stop();
        self.ending = Ending::default();
        self.packet = None;
        let Some(handle) = &self.handle else { return Err(Error::CutOff("before a request")) };
        let opened =
            self.runtime.block_on(within(options.first_byte_timeout, "it opened a channel", async {
                let channel = handle.channel_open_session().await?;
                // A server that passes it on speaks protocol v2; others are understood, too.
                channel.set_env(false, "GIT_PROTOCOL", "version=2").await?;
                channel.exec(true, command).await?;
                Ok::<_, russh::Error>(channel)
            }))?;
        self.channel = Some(opened.map_err(|error| self.broken(&error))?);
        Ok(())
    }

    /// What has arrived and is not yet consumed.
    pub fn data(&self) -> &[u8] {
        match &self.packet {
            Some((ChannelMsg::Data { data }, taken)) => &data[*taken..],
            _ => &[],
        }
    }

    /// Takes some of it.
    pub fn consume(&mut self, amount: usize) {
        if let Some((_, taken)) = &mut self.packet {
            *taken += amount;
        }
    }

    /// Waits for data. A server that ends the command instead is an error, with its own words.
    pub fn receive(&mut self, limit: Duration) -> Result<(), Error> {
        self.packet = None;
        let (mut limit, mut parting) = (limit, false);
        loop {
            let Some(channel) = &mut self.channel else { return Err(Error::CutOff("before its answer")) };
            let next = within(limit, "its answer was received", channel.wait());
            match self.runtime.block_on(next) {
                Ok(Some(message @ ChannelMsg::Data { .. })) => {
                    self.packet = Some((message, 0));
                    if !self.data().is_empty() {
                        return Ok(());
                    }
                }
                Ok(Some(ChannelMsg::ExtendedData { data, .. })) => self.ending.complain(&data)?,
                Ok(Some(ChannelMsg::ExitStatus { exit_status })) => self.ending.status = Some(exit_status),
                Ok(Some(ChannelMsg::Failure)) => {
                    self.ending.refused = true;
                    (limit, parting) = (PARTING, true);
                }
                // How it ended, and why, comes right after.
                Ok(Some(ChannelMsg::Eof)) => (limit, parting) = (PARTING, true),
                Ok(Some(ChannelMsg::Close) | None) => return Err(self.ended()),
                Ok(Some(_)) => {}
                Err(_) if parting => return Err(self.ended()),
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether the command has ended, and well.
    pub fn succeeded(&self) -> bool {
        self.ending.status == Some(0)
    }

    /// Sends a piece of a request.
    pub fn send(&mut self, bytes: &[u8], limit: Duration) -> Result<(), Error> {
        let Some(channel) = &self.channel else { return Err(Error::CutOff("before a request")) };
        let sent = within(limit, "a request was sent", channel.data_bytes(bytes.to_vec()));
        self.runtime.block_on(sent)?.map_err(|error| self.broken(&error))
    }

    /// Why the command ended.
    fn ended(&mut self) -> Error {
        self.channel = None;
        match self.lost() {
            Some(error) => error,
            None => self.ending.error(&self.with),
        }
    }

    /// Why something could not be sent.
    fn broken(&mut self, error: &russh::Error) -> Error {
        self.lost().unwrap_or_else(|| Error::Unreachable {
            what: "use the SSH connection".to_owned(),
            cause: words(error),
        })
    }

    /// Why the connection is gone, if it is.
    fn lost(&mut self) -> Option<Error> {
        let handle = self.handle.as_mut()?;
        if !handle.is_closed() {
            return None;
        }
        let outcome = self.runtime.block_on(within(PARTING, "it ended", &mut *handle));
        self.handle = None;
        let said = self.farewell.said();
        if !said.is_empty() {
            return Some(Error::Server(said));
        }
        match outcome {
            Ok(Err(Fault::Host(error))) => Some(error),
            Ok(Err(Fault::Ssh(error))) => {
                Some(Error::Unreachable { what: "keep the SSH connection".to_owned(), cause: words(&error) })
            }
            _ => Some(Error::CutOff("before its answer was complete")),
        }
    }

    /// Why there is no connection.
    fn fault(&self, fault: Fault, host: &Host) -> Error {
        let said = self.farewell.said();
        match fault {
            Fault::Host(error) => error,
            Fault::Ssh(_) if !said.is_empty() => Error::Server(said),
            Fault::Ssh(error) => {
                Error::Unreachable { what: format!("speak SSH with {host}"), cause: words(&error) }
            }
        }
    }

    /// Ends the command that runs. Says that nothing more is wanted, so that the server does not log a client that
    /// vanished.
    fn stop(&mut self) {
        let Some(channel) = self.channel.take() else { return };
        let farewell = async move {
            let _ = channel.data_bytes(&b"0000"[..]).await;
            let _ = channel.close().await;
        };
        // Who does not hear it is gone already.
        let _ = self.runtime.block_on(within(PARTING, "it ended", farewell));
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.stop();
        let Some(handle) = self.handle.take() else { return };
        let farewell = async move {
            if !handle.is_closed() && handle.disconnect(Disconnect::ByApplication, "", "").await.is_ok() {
                let _ = handle.await;
            }
        };
        let _ = self.runtime.block_on(within(PARTING, "it ended", farewell));
    }
}

/// A step with its time limit. `during` continues "the server did not answer while".
async fn within<T>(limit: Duration, during: &'static str, step: impl Future<Output = T>) -> Result<T, Error> {
    tokio::time::timeout(limit, step).await.map_err(|_| Error::Silent { during, limit })
}

fn asynchronous(stream: TcpStream) -> std::io::Result<tokio::net::TcpStream> {
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    tokio::net::TcpStream::from_std(stream)
}

/// Shows our key; an RSA key with each hash that the server may take, never with SHA-1.
async fn authenticate(
    handle: &mut Handle<Gate>,
    user: &str,
    key: Option<PrivateKey>,
) -> Result<AuthResult, russh::Error> {
    let Some(key) = key.map(Arc::new) else { return handle.authenticate_none(user).await };
    let hashes: &[Option<HashAlg>] = if key.algorithm().is_rsa() {
        match handle.best_supported_rsa_hash().await?.flatten() {
            Some(HashAlg::Sha256) => &[Some(HashAlg::Sha256)],
            // Some name both and take one.
            _ => &[Some(HashAlg::Sha512), Some(HashAlg::Sha256)],
        }
    } else {
        &[None]
    };
    let mut outcome = AuthResult::Failure { remaining_methods: (&[][..]).into(), partial_success: false };
    for hash in hashes {
        let signer = PrivateKeyWithHashAlg::new(Arc::clone(&key), *hash);
        outcome = handle.authenticate_publickey(user, signer).await?;
        if !matches!(outcome, AuthResult::Failure { partial_success: false, .. }) {
            break;
        }
    }
    Ok(outcome)
}

fn config(identity: &Identity) -> client::Config {
    let defaults = Preferred::default();
    let nist = [kex::ECDH_SHA2_NISTP256, kex::ECDH_SHA2_NISTP384, kex::ECDH_SHA2_NISTP521];
    // Behind the curves of Bernstein's, as OpenSSH has them, for servers that must follow FIPS 140.
    let at = defaults.kex.iter().position(|name| *name == kex::DH_GEX_SHA256).unwrap_or(0);
    let mut exchanges = defaults.kex.to_vec();
    exchanges.splice(at..at, nist);
    let mut ciphers = defaults.cipher.to_vec();
    ciphers.insert(1, cipher::AES_128_GCM);
    client::Config {
        window_size: WINDOW,
        channel_buffer_size: PACKETS,
        // Groups of 8,192 bits, which russh prefers, take a slow controller longer than a connection may.
        gex: GexParams::new(2048, 3072, 8192).unwrap_or_default(),
        preferred: Preferred {
            key: Cow::Owned(identity.algorithms()),
            host_key_certificates: Cow::Owned(identity.certificates()),
            kex: Cow::Owned(exchanges),
            cipher: Cow::Owned(ciphers),
            ..defaults
        },
        ..client::Config::default()
    }
}

fn read_key(path: &Path) -> Result<PrivateKey, Error> {
    const WHAT: &str = "SSH key";
    let text = secret::read(WHAT, path, LARGEST_KEY)?;
    key::parse(&text).map_err(|why| secret::problem(WHAT, path, why))
}

fn read_known_hosts(path: &Path) -> Result<(KnownHosts, String), Error> {
    let text = secret::read("known_hosts file", path, LARGEST_KNOWN_HOSTS)?;
    Ok((KnownHosts::new(text), path.display().to_string()))
}

fn presented(key: Option<&PrivateKey>, path: Option<&Path>) -> String {
    match (key, path) {
        (Some(key), Some(path)) => {
            let fingerprint = key.public_key().fingerprint(HashAlg::Sha256);
            format!("the {} key {fingerprint} of {}", key.algorithm().as_str(), path.display())
        }
        _ => "somebody without a key".to_owned(),
    }
}

/// russh's words, where its own names are not those of a reader.
fn words(error: &russh::Error) -> String {
    match error {
        russh::Error::IO(error) => failure::of_system(error),
        russh::Error::NoCommonAlgo { kind, theirs, .. } => {
            let theirs = crate::text::printable(theirs.join(", ").as_bytes());
            format!("no common algorithm ({kind:?}); it offers {theirs}")
        }
        russh::Error::HUP | russh::Error::Disconnect => "it hung up".to_owned(),
        russh::Error::Version => "it is no SSH server".to_owned(),
        other => crate::text::printable(other.to_string().as_bytes()),
    }
}
