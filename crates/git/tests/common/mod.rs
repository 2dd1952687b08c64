//! What the tests of this crate share: a repository with every kind of content, a sink that is a directory, and the
//! comparison of both.
#![allow(dead_code)]

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};

use stoker_git::{BlobSink, Completeness, Error, Options, PackStats, Remote, RepoUrl, TreeStore};
use stoker_object::{Entries, Kind, Mode, ObjectId, blob_id};
use stoker_test_gitserver::{Daemon, DaemonOptions, HttpOptions, HttpServer, Repository};
use tempfile::TempDir;

/// Keeps small blobs in memory and large ones as files named by their ids.
pub struct Sink {
    dir: PathBuf,
    small: HashMap<ObjectId, Vec<u8>>,
    /// Blobs that came, in order.
    pub came: Vec<ObjectId>,
    /// What belongs in place of pointers.
    pub stands_in: HashMap<ObjectId, ObjectId>,
}

impl Sink {
    pub fn new(dir: &Path) -> Self {
        fs::create_dir_all(dir).unwrap();
        Self { dir: dir.to_owned(), small: HashMap::new(), came: Vec::new(), stands_in: HashMap::new() }
    }

    fn path(&self, id: &ObjectId) -> PathBuf {
        self.dir.join(id.to_string())
    }

    pub fn read(&self, id: &ObjectId) -> Option<Vec<u8>> {
        self.small.get(id).cloned().or_else(|| fs::read(self.path(id)).ok())
    }
}

impl BlobSink for Sink {
    fn contains(&mut self, id: &ObjectId) -> bool {
        self.small.contains_key(id) || self.path(id).exists()
    }

    fn small(&mut self, id: &ObjectId, content: &[u8]) -> io::Result<()> {
        self.came.push(*id);
        self.small.insert(*id, content.to_owned());
        Ok(())
    }

    fn create(&mut self, _: u64) -> io::Result<File> {
        File::options().read(true).write(true).create(true).truncate(true).open(self.dir.join("new"))
    }

    fn keep(&mut self, id: &ObjectId, _: File) -> io::Result<()> {
        self.came.push(*id);
        fs::rename(self.dir.join("new"), self.path(id))
    }

    fn stand_in(&mut self, pointer: &ObjectId, content: &ObjectId) -> io::Result<()> {
        self.stands_in.insert(*pointer, *content);
        Ok(())
    }

    fn open(&mut self, id: &ObjectId) -> io::Result<Option<File>> {
        let Some(content) = self.read(id) else { return Ok(None) };
        let mut file = tempfile::tempfile_in(&self.dir)?;
        file.write_all(&content)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(Some(file))
    }
}

/// A place to fetch to.
pub struct Client {
    dir: TempDir,
    pub trees: TreeStore,
    pub sink: Sink,
}

impl Client {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let trees = TreeStore::open(&dir.path().join("trees")).unwrap();
        let sink = Sink::new(&dir.path().join("blobs"));
        Self { dir, trees, sink }
    }

    /// What a killed program finds when it starts again.
    pub fn reopen(&mut self) {
        let elsewhere = TreeStore::open(&self.dir.path().join("elsewhere")).unwrap();
        drop(std::mem::replace(&mut self.trees, elsewhere));
        self.trees = TreeStore::open(&self.dir.path().join("trees")).unwrap();
    }

    /// Fetches trees, then all blobs that the commit has; gives both packs.
    pub fn fetch(&mut self, remote: &mut Remote, commit: &ObjectId) -> Result<(PackStats, PackStats), Error> {
        let fetched = remote.fetch_trees(commit, &mut self.trees, &mut self.sink)?;
        assert!(matches!(self.trees.complete(&fetched.commit)?, Completeness::Complete));
        let wanted: Vec<ObjectId> = self.files(&fetched.commit).into_values().map(|(id, _)| id).collect();
        let blobs = remote.fetch_blobs(&mut wanted.into_iter().map(Ok), &mut self.trees, &mut self.sink)?;
        Ok((fetched.pack, blobs))
    }

    /// Path to id and x bit, read from the tree store. Submodules are left out.
    pub fn files(&mut self, commit: &ObjectId) -> BTreeMap<String, (ObjectId, bool)> {
        let mut bytes = Vec::new();
        assert_eq!(self.trees.read(commit, &mut bytes).unwrap(), Some(Kind::Commit));
        let root = stoker_object::CommitHeader::parse(&bytes).unwrap().tree;
        let mut files = BTreeMap::new();
        let mut left = vec![(String::new(), root)];
        while let Some((prefix, id)) = left.pop() {
            let mut tree = Vec::new();
            assert_eq!(self.trees.read(&id, &mut tree).unwrap(), Some(Kind::Tree), "{prefix}");
            for entry in Entries::new(&tree) {
                let entry = entry.unwrap();
                let path = format!("{prefix}{}", String::from_utf8_lossy(entry.name));
                match entry.mode {
                    Mode::Tree => left.push((format!("{path}/"), entry.id)),
                    Mode::File { executable } => drop(files.insert(path, (entry.id, executable))),
                    Mode::Symlink => drop(files.insert(path, (entry.id, false))),
                    Mode::Submodule => {}
                }
            }
        }
        files
    }

    /// Compares what was fetched with what git says that the commit has, byte for byte.
    pub fn assert_equals(&mut self, repository: &Repository, commit: &str) {
        let listing = repository.git(&["ls-tree", "-r", "-z", "--full-tree", commit]).unwrap();
        let mut expected = BTreeMap::new();
        for line in listing.split_terminator('\0') {
            let (head, path) = line.split_once('\t').unwrap();
            let mut words = head.split(' ');
            let (mode, id) = (words.next().unwrap(), words.nth(1).unwrap());
            if mode != "160000" {
                expected.insert(path.to_owned(), (id.parse::<ObjectId>().unwrap(), mode == "100755"));
            }
        }
        assert!(!expected.is_empty());
        assert_eq!(self.files(&commit.parse().unwrap()), expected);
        for (path, (id, _)) in &expected {
            let content = self.sink.read(id).unwrap_or_else(|| panic!("{path} was not fetched"));
            assert_eq!(blob_id(&content), *id, "{path}");
        }
        // One file goes all the way through git itself.
        let (path, (id, _)) = expected.iter().next().unwrap();
        let output = repository.command().args(["cat-file", "blob", &id.to_string()]).output().unwrap();
        assert_eq!(self.sink.read(id).unwrap(), output.stdout, "{path}");
    }
}

/// Fills a repository with every kind of content and gives its first commit.
fn fill(repository: &Repository, projects: usize) -> ObjectId {
    for project in 0..projects {
        for view in 0..20 {
            let path = format!("projects/p{project}/views/v{view}/view.json");
            repository.write(&path, format!("{{\"project\":{project},\"view\":{view}}}\n")).unwrap();
        }
    }
    repository.write("empty", "").unwrap();
    repository.write("name with spaces/ünïcode – x.json", "{}").unwrap();
    repository.write_executable("run.sh", "#!/bin/sh\n").unwrap();
    repository.symlink("link", "run.sh").unwrap();
    // Larger than any buffer, and not compressible.
    repository.write("large.bin", noise(1_000_000)).unwrap();
    repository.commit("one").unwrap().parse().unwrap()
}

/// Bytes without a pattern, the same each time.
pub fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// A directory of repositories with one of them filled: `plant.git`.
pub struct Estate {
    pub root: TempDir,
    pub repository: Repository,
    pub first: ObjectId,
}

impl Estate {
    /// 80 views.
    pub fn new() -> Self {
        Self::with(4)
    }

    /// 600 views, where something is to happen in the middle of them.
    pub fn wide() -> Self {
        Self::with(30)
    }

    fn with(projects: usize) -> Self {
        let root = tempfile::tempdir().unwrap();
        let repository = Repository::init(root.path().join("plant.git")).unwrap();
        let first = fill(&repository, projects);
        Self { root, repository, first }
    }

    /// Changes ten files in two projects.
    pub fn change_ten(&self, word: &str) -> ObjectId {
        for view in 0..10 {
            let project = view % 2;
            let path = format!("projects/p{project}/views/v{view}/view.json");
            self.repository.write(&path, format!("{{\"changed\":\"{word}\"}}\n")).unwrap();
        }
        self.repository.commit(word).unwrap().parse().unwrap()
    }
}

pub fn remote(url: &str) -> Remote {
    remote_with(url, &Options::default())
}

pub fn remote_with(url: &str, options: &Options) -> Remote {
    Remote::open(&RepoUrl::parse(url).unwrap(), options).unwrap()
}

/// A running server of one kind for an estate's directory.
pub struct Server {
    pub name: &'static str,
    pub url: String,
    pub options: Options,
    /// Whether it leaves out blobs on request (and what is missing can be asked for by its id).
    pub filters: bool,
    /// What keeps it running.
    _running: Box<dyn std::any::Any>,
}

impl Server {
    pub fn remote(&self) -> Remote {
        remote_with(&self.url, &self.options)
    }
}

/// Every kind of server that the issue names, for one repository below `root`.
pub fn servers(root: &Path, repository: &str) -> Vec<Server> {
    let http = |name, options: HttpOptions| {
        let filters = options.filter && (options.protocol_v2 || options.any_sha);
        let server = HttpServer::start(root, options).unwrap();
        let options = Options { ca_file: server.ca_pem(), ..Options::default() };
        Server { name, url: server.url(repository), options, filters, _running: Box::new(server) }
    };
    let daemon = |name, filter: bool| {
        let options = DaemonOptions { filter, ..DaemonOptions::default() };
        let server = Daemon::start_with(root, &options).unwrap();
        let (url, options) = (server.url(repository), Options::default());
        Server { name, url, options, filters: filter, _running: Box::new(server) }
    };
    let plain = HttpOptions::default;
    vec![
        http("http, v2, filter", HttpOptions { filter: true, ..plain() }),
        http("http, v2, no filter", plain()),
        http("http, v0", HttpOptions { protocol_v2: false, ..plain() }),
        http("http, v0, filter", HttpOptions { protocol_v2: false, filter: true, ..plain() }),
        http(
            "http, v0, filter, any id",
            HttpOptions { protocol_v2: false, filter: true, any_sha: true, ..plain() },
        ),
        http("https, v2, filter", HttpOptions { tls: true, filter: true, ..plain() }),
        daemon("git, v2, filter", true),
        daemon("git, v2, no filter", false),
        old_daemon(root, repository, false),
        old_daemon(root, repository, true),
        Server {
            name: "file",
            url: format!("file://{}/{repository}", root.display()),
            options: Options::default(),
            filters: true,
            _running: Box::new(()),
        },
    ]
}

/// `git daemon` as it was before protocol v2: what asks for it is taken out of the client's first packet on the way.
fn old_daemon(root: &Path, repository: &str, any: bool) -> Server {
    let options = DaemonOptions { filter: any, any_sha: any, ..DaemonOptions::default() };
    let daemon = Daemon::start_with(root, &options).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (url, target) = (format!("git://{}/{repository}", listener.local_addr().unwrap()), daemon.addr());
    // The thread ends with the test program: it waits for nothing but connections.
    std::thread::spawn(move || {
        for client in listener.incoming() {
            let (mut client, mut server) = (client.unwrap(), TcpStream::connect(target).unwrap());
            let mut length = [0; 4];
            if client.read_exact(&mut length).is_err() {
                continue;
            }
            let length = usize::from_str_radix(std::str::from_utf8(&length).unwrap(), 16).unwrap();
            let mut greeting = vec![0; length - 4];
            client.read_exact(&mut greeting).unwrap();
            let end = greeting.len() - "\0version=2\0".len();
            server.write_all(format!("{:04x}", end + 4).as_bytes()).unwrap();
            server.write_all(&greeting[..end]).unwrap();
            let (mut from_server, mut to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            std::thread::spawn(move || {
                let _ = io::copy(&mut from_server, &mut to_client);
                let _ = to_client.shutdown(Shutdown::Both);
            });
            std::thread::spawn(move || {
                let _ = io::copy(&mut client, &mut server);
                let _ = server.shutdown(Shutdown::Write);
            });
        }
    });
    let name = if any { "git, v0, filter, any id" } else { "git, v0" };
    Server { name, url, options: Options::default(), filters: any, _running: Box::new(daemon) }
}

impl Client {
    /// Overwrites the middle of each file of the tree store that holds objects, as a dying disk would.
    pub fn damage_trees(&mut self) -> usize {
        let mut damaged = 0;
        for entry in fs::read_dir(self.dir.path().join("trees")).unwrap() {
            let path = entry.unwrap().path();
            let mut bytes = fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            if bytes.len() > 10_000 {
                bytes[middle..middle + 2000].fill(0x5a);
                fs::write(&path, bytes).unwrap();
                damaged += 1;
            }
        }
        damaged
    }
}
