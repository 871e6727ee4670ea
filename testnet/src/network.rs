//! A local network: its directory and the processes of its nodes.

use crate::files::tail;
use crate::manifest::{self, Manifest, NodeEntry};
use crate::process::{self, Ended, Group, Launch, Process};
use crate::setup::{self, Plan};
use crate::{Error, probe};
use hnchain_crypto::SecretKey;
use hnchain_types::genesis::Genesis;
use nix::sys::signal::Signal;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How often a state is looked at while waiting for it.
const POLL: Duration = Duration::from_millis(20);
/// Lines of a node's log in an error.
const LOG_LINES: usize = 15;
/// After SIGTERM a node has this long before it is killed.
const GRACE: Duration = Duration::from_secs(20);

/// What becomes of the nodes when this process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lifetime {
    /// They end with it, however it ends.
    Bound,
    /// They go on once [`Network::detach`] was called; `network.json` and `nodeN/node.pid` name them.
    Detached,
}

/// A local network. Dropping it kills the nodes that it started, unless they were detached.
#[derive(Debug)]
pub struct Network {
    directory: PathBuf,
    manifest: Manifest,
    genesis: Genesis,
    binary: PathBuf,
    processes: Vec<Option<Process>>,
    launches: Vec<Launch>,
    group: Option<Group>,
    // Held while we work on the directory.
    _lock: File,
}

impl Network {
    /// Makes a network in a new or empty directory, without starting it.
    ///
    /// # Errors
    /// The node's program is missing, the directory is in use, a port is taken, I/O.
    pub fn create(plan: &Plan, directory: &Path, lifetime: Lifetime) -> Result<Self, Error> {
        let binary = process::find_binary()?;
        let directory = make_directory(directory)?;
        let lock = lock(&directory)?;
        if directory.join(manifest::FILE).exists() || !is_empty(&directory)? {
            return Err(Error::Directory(directory));
        }
        plan.write(&directory)?;
        Self::assemble(directory, binary, lifetime, lock)
    }

    /// Takes over a network that an earlier process made; its nodes may be running.
    ///
    /// # Errors
    /// No or a damaged network in the directory, another process at work on it, a missing program.
    pub fn open(directory: &Path, lifetime: Lifetime) -> Result<Self, Error> {
        if !directory.join(manifest::FILE).is_file() {
            return Err(Error::NoNetwork(directory.to_owned()));
        }
        let directory = make_directory(directory)?;
        let lock = lock(&directory)?;
        Self::assemble(directory, process::find_binary()?, lifetime, lock)
    }

    fn assemble(directory: PathBuf, binary: PathBuf, lifetime: Lifetime, lock: File) -> Result<Self, Error> {
        let manifest = Manifest::read(&directory)?;
        let path = directory.join(&manifest.genesis);
        let genesis = Genesis::parse(&fs::read(&path).map_err(Error::io(&path))?)?;
        let running = |n: &NodeEntry| n.pid.filter(|pid| process::runs(*pid, &directory.join(&n.config)));
        let processes = manifest.nodes.iter().map(|n| running(n).map(Process::Other)).collect();
        let group = match lifetime {
            Lifetime::Bound => Some(Group::new().map_err(Error::io(Path::new("/bin/sh")))?),
            Lifetime::Detached => None,
        };
        let launches = vec![Launch::default(); manifest.nodes.len()];
        Ok(Self { directory, manifest, genesis, binary, processes, launches, group, _lock: lock })
    }

    /// Its directory, absolute.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// What `network.json` says.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The genesis: what verifiers trust.
    #[must_use]
    pub const fn genesis(&self) -> &Genesis {
        &self.genesis
    }

    /// Number of nodes.
    #[must_use]
    #[allow(clippy::len_without_is_empty)] // a network has at least one node
    pub fn len(&self) -> usize {
        self.manifest.nodes.len()
    }

    /// RPC addresses of all nodes.
    #[must_use]
    pub fn endpoints(&self) -> Vec<String> {
        self.manifest.nodes.iter().map(|n| n.endpoint.clone()).collect()
    }

    /// A path of node `index`, for example `data`.
    ///
    /// # Panics
    /// There is no such node.
    #[must_use]
    pub fn node_path(&self, index: usize, name: &str) -> PathBuf {
        self.directory.join(&self.manifest.nodes[index].directory).join(name)
    }

    /// The key of the application that writes a namespace.
    ///
    /// # Errors
    /// No application writes it, or its key file is damaged.
    pub fn client_key(&self, namespace: &str) -> Result<SecretKey, Error> {
        let client = self.manifest.clients.iter().find(|c| c.namespaces.iter().any(|n| n == namespace));
        let client = client.ok_or_else(|| Error::Plan(format!("no client writes the namespace {namespace}")))?;
        setup::read_key(&self.directory.join(&client.key_file), &self.directory.join(&client.password_file))
    }

    /// The key of an office or firm of [`crate::offices::OFFICES`], or of an application, by its name.
    ///
    /// # Errors
    /// There is none of this name, or its key file is damaged.
    pub fn office_key(&self, name: &str) -> Result<SecretKey, Error> {
        let client = self.manifest.clients.iter().find(|c| c.name == name);
        let client = client.ok_or_else(|| Error::Plan(format!("no client is named {name}")))?;
        setup::read_key(&self.directory.join(&client.key_file), &self.directory.join(&client.password_file))
    }

    /// The key of the administrator of a node's organization.
    ///
    /// # Errors
    /// The node's key file is damaged.
    ///
    /// # Panics
    /// There is no such node.
    pub fn administrator_key(&self, index: usize) -> Result<SecretKey, Error> {
        Ok(crate::members::administrator(&self.node_key(index)?))
    }

    /// The key of a node.
    ///
    /// # Errors
    /// Its key file is damaged.
    ///
    /// # Panics
    /// There is no such node.
    pub fn node_key(&self, index: usize) -> Result<SecretKey, Error> {
        let node = &self.manifest.nodes[index];
        let password = self.directory.join(&node.directory).join("key.password");
        setup::read_key(&self.directory.join(&node.key_file), &password)
    }

    /// How node `index` is started from now on.
    ///
    /// # Panics
    /// There is no such node.
    pub fn set_launch(&mut self, index: usize, launch: Launch) {
        self.launches[index] = launch;
    }

    /// The process of node `index` while it runs.
    ///
    /// # Panics
    /// There is no such node.
    #[must_use]
    pub fn process_id(&self, index: usize) -> Option<u32> {
        self.manifest.nodes[index].pid
    }

    /// Whether node `index` runs.
    ///
    /// # Errors
    /// The system does not say.
    pub fn is_running(&mut self, index: usize) -> Result<bool, Error> {
        Ok(self.processes[index].is_some() && self.ended(index)?.is_none())
    }

    /// How the process of node `index` ended, if it was started and has ended.
    ///
    /// # Errors
    /// The system does not say.
    pub fn ended(&mut self, index: usize) -> Result<Option<Ended>, Error> {
        let config = self.config(index);
        match &mut self.processes[index] {
            Some(process) => process.ended(&config).map_err(Error::io(&config)),
            None => Ok(None),
        }
    }

    /// Starts node `index`. It is not ready yet: see [`Network::ready`].
    ///
    /// # Errors
    /// It runs already, or the system cannot start it.
    pub fn start(&mut self, index: usize) -> Result<(), Error> {
        if self.is_running(index)? {
            return Err(Error::Running(self.directory.clone()));
        }
        let log = self.directory.join(&self.manifest.nodes[index].log);
        let launch = &self.launches[index];
        let child = process::spawn(&self.binary, &self.config(index), &log, self.group.as_ref(), launch)?;
        self.record(index, Some(child.id()))?;
        self.processes[index] = Some(Process::Child(child));
        Ok(())
    }

    /// Starts every node that is not running.
    ///
    /// # Errors
    /// See [`Network::start`].
    pub fn start_all(&mut self) -> Result<(), Error> {
        for index in 0..self.len() {
            if !self.is_running(index)? {
                self.start(index)?;
            }
        }
        Ok(())
    }

    /// Waits until node `index` says that it is ready.
    ///
    /// # Errors
    /// It ended, or was not ready in time; both with its last log lines.
    pub async fn ready(&mut self, index: usize, limit: Duration) -> Result<(), Error> {
        let deadline = Instant::now() + limit;
        let endpoint = self.manifest.nodes[index].endpoint.clone();
        loop {
            if let Some(ended) = self.ended(index)? {
                return Err(self.died(index, ended));
            }
            // Not reachable yet and not ready yet are the same to us.
            if matches!(probe::get(&endpoint, "/readyz").await, Ok((200, _))) {
                return Ok(());
            }
            if Instant::now() > deadline {
                return Err(self.late(index, "become ready", limit));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Waits until every node is ready.
    ///
    /// # Errors
    /// See [`Network::ready`].
    pub async fn ready_all(&mut self, limit: Duration) -> Result<(), Error> {
        let deadline = Instant::now() + limit;
        for index in 0..self.len() {
            self.ready(index, deadline.saturating_duration_since(Instant::now())).await?;
        }
        Ok(())
    }

    /// SIGKILL, and waits for the end. Nothing happens to a node that is not running.
    ///
    /// # Errors
    /// The system refuses, or the process stays.
    pub async fn kill(&mut self, index: usize) -> Result<(), Error> {
        self.signal(index, Signal::SIGKILL)?;
        self.wait_end(index, GRACE).await.map(|_| ())
    }

    /// SIGKILL to every node, before waiting for any.
    ///
    /// # Errors
    /// See [`Network::kill`].
    pub async fn kill_all(&mut self) -> Result<(), Error> {
        for index in 0..self.len() {
            self.signal(index, Signal::SIGKILL)?;
        }
        for index in 0..self.len() {
            self.wait_end(index, GRACE).await?;
        }
        Ok(())
    }

    /// SIGSTOP: the node stays, does nothing and answers nothing.
    ///
    /// # Errors
    /// The system refuses.
    pub fn pause(&mut self, index: usize) -> Result<(), Error> {
        self.signal(index, Signal::SIGSTOP)
    }

    /// SIGCONT.
    ///
    /// # Errors
    /// The system refuses.
    pub fn resume(&mut self, index: usize) -> Result<(), Error> {
        self.signal(index, Signal::SIGCONT)
    }

    /// SIGTERM, waits for the end and says how it ended; `None` when the node was not running.
    ///
    /// # Errors
    /// The node does not end within twenty seconds; it is killed then.
    pub async fn stop(&mut self, index: usize) -> Result<Option<Ended>, Error> {
        self.signal(index, Signal::SIGTERM)?;
        self.wait_stop(index).await
    }

    /// SIGTERM to every node, then waits for all. How each ended, in order.
    ///
    /// # Errors
    /// See [`Network::stop`].
    pub async fn stop_all(&mut self) -> Result<Vec<Option<Ended>>, Error> {
        for index in 0..self.len() {
            self.signal(index, Signal::SIGTERM)?;
        }
        let mut ends = Vec::new();
        for index in 0..self.len() {
            ends.push(self.wait_stop(index).await?);
        }
        Ok(ends)
    }

    /// Waits until a node ends by itself and forgets its process.
    ///
    /// # Errors
    /// It still runs at the limit.
    pub async fn wait_end(&mut self, index: usize, limit: Duration) -> Result<Option<Ended>, Error> {
        if self.processes[index].is_none() {
            return Ok(None);
        }
        let deadline = Instant::now() + limit;
        loop {
            if let Some(ended) = self.ended(index)? {
                self.processes[index] = None;
                self.record(index, None)?;
                return Ok(Some(ended));
            }
            if Instant::now() > deadline {
                return Err(self.late(index, "end", limit));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Lets the nodes of a [`Lifetime::Detached`] network go on when this value is dropped.
    pub fn detach(mut self) {
        if self.group.is_none() {
            self.processes.clear();
        }
    }

    /// The last lines of a node's log.
    ///
    /// # Panics
    /// There is no such node.
    #[must_use]
    pub fn log_tail(&self, index: usize, lines: usize) -> String {
        tail(&self.directory.join(&self.manifest.nodes[index].log), lines)
    }

    async fn wait_stop(&mut self, index: usize) -> Result<Option<Ended>, Error> {
        let end = self.wait_end(index, GRACE).await;
        if matches!(end, Err(Error::Late { .. })) {
            self.kill(index).await?;
        }
        end
    }

    fn signal(&mut self, index: usize, signal: Signal) -> Result<(), Error> {
        let config = self.config(index);
        // A child that has ended but was not waited for keeps its id; another process's id may be someone else's.
        if self.ended(index)?.is_some() {
            return Ok(());
        }
        self.processes[index].as_ref().map_or(Ok(()), |p| p.signal(signal)).map_err(Error::io(&config))
    }

    /// Writes the process id to `network.json` and `node.pid`.
    fn record(&mut self, index: usize, pid: Option<u32>) -> Result<(), Error> {
        self.manifest.nodes[index].pid = pid;
        let path = self.node_path(index, "node.pid");
        let written = match pid {
            Some(pid) => fs::write(&path, format!("{pid}\n")),
            None => fs::remove_file(&path).or_else(|e| match e.kind() {
                std::io::ErrorKind::NotFound => Ok(()),
                _ => Err(e),
            }),
        };
        written.map_err(Error::io(&path))?;
        self.manifest.write(&self.directory)
    }

    fn config(&self, index: usize) -> PathBuf {
        self.directory.join(&self.manifest.nodes[index].config)
    }

    fn died(&self, index: usize, ended: Ended) -> Error {
        Error::Died {
            name: self.manifest.nodes[index].name.clone(),
            status: ended.to_string(),
            log: self.log_tail(index, LOG_LINES),
        }
    }

    fn late(&self, index: usize, what: &'static str, limit: Duration) -> Error {
        Error::Late {
            name: self.manifest.nodes[index].name.clone(),
            what,
            seconds: limit.as_secs(),
            log: self.log_tail(index, LOG_LINES),
        }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let mut children: Vec<_> = self
            .processes
            .drain(..)
            .flatten()
            .filter_map(|p| if let Process::Child(c) = p { Some(c) } else { None })
            .collect();
        // A child that has ended already is what we want; nothing can be reported from here.
        children.iter_mut().for_each(|c| drop(c.kill()));
        self.group = None;
        children.iter_mut().for_each(|c| drop(c.wait()));
    }
}

fn make_directory(directory: &Path) -> Result<PathBuf, Error> {
    fs::create_dir_all(directory).map_err(Error::io(directory))?;
    directory.canonicalize().map_err(Error::io(directory))
}

/// File whose lock says that a process works on the directory.
const LOCK: &str = ".lock";

fn lock(directory: &Path) -> Result<File, Error> {
    let path = directory.join(LOCK);
    let file = File::create(&path).map_err(Error::io(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Locked(directory.to_owned())),
        Err(TryLockError::Error(e)) => Err(Error::io(&path)(e)),
    }
}

fn is_empty(directory: &Path) -> Result<bool, Error> {
    let entries = fs::read_dir(directory).map_err(Error::io(directory))?;
    for entry in entries {
        if entry.map_err(Error::io(directory))?.file_name() != LOCK {
            return Ok(false);
        }
    }
    Ok(true)
}
