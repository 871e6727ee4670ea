//! The links between nodes and what is wrong with them.

use super::{Mesh, Namespaces};
use crate::ports::{self, Ports};
use crate::setup::Place;
use crate::{Error, Launch};
use std::time::Duration;

/// What is wrong with everything that one node sends another. The default is a good link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Condition {
    /// Nothing arrives.
    pub cut: bool,
    /// Everything arrives so much later.
    pub delay: Duration,
    /// So many percent of the packets are lost and sent again.
    pub loss_percent: u8,
    /// At most so many bytes a second; 0 for no bound.
    pub bytes_per_second: u32,
}

/// How the nodes of a network are connected.
#[derive(Debug)]
pub enum Wires {
    /// Through relays in this process: works everywhere, and stalls streams as packet loss would.
    Relays {
        /// The relays.
        mesh: Mesh,
        /// Where the nodes are.
        places: Vec<Place>,
    },
    /// Each node in a network namespace: real packets are lost.
    Namespaces(Namespaces),
}

impl Wires {
    /// Relays between `nodes` nodes on free ports of 127.0.0.1.
    ///
    /// # Errors
    /// No free ports.
    pub async fn relays(nodes: usize, seed: u64) -> Result<Self, Error> {
        let ports: Vec<Ports> = ports::choose(nodes, None)?;
        let mut places = Place::direct(&ports);
        let targets: Vec<_> = places.iter().map(|p| p.peer).collect();
        let mesh = Mesh::start(&targets, seed).await?;
        for (from, place) in places.iter_mut().enumerate() {
            place.reaches = mesh.addresses(from).to_vec();
        }
        Ok(Self::Relays { mesh, places })
    }

    /// A namespace for each of `nodes` nodes.
    ///
    /// # Errors
    /// Not root, or `ip` or `nft` is missing or refuses.
    pub fn namespaces(nodes: usize) -> Result<Self, Error> {
        Namespaces::create(nodes).map(Self::Namespaces)
    }

    /// Where each node listens and how it reaches the others.
    #[must_use]
    pub fn places(&self) -> Vec<Place> {
        match self {
            Self::Relays { places, .. } => places.clone(),
            Self::Namespaces(spaces) => spaces.places(),
        }
    }

    /// How a node's process is started.
    #[must_use]
    pub fn launch(&self, node: usize) -> Launch {
        match self {
            Self::Relays { .. } => Launch::default(),
            Self::Namespaces(spaces) => spaces.launch(node),
        }
    }

    /// Sets the condition of everything that `from` sends `to`.
    ///
    /// # Errors
    /// The system's tools refuse, or the kernel lacks what the condition needs.
    pub fn set(&mut self, from: usize, to: usize, condition: Condition) -> Result<(), Error> {
        match self {
            Self::Relays { mesh, .. } => mesh.set(from, to, condition),
            Self::Namespaces(spaces) => spaces.set(from, to, condition)?,
        }
        Ok(())
    }

    /// Makes every link good.
    ///
    /// # Errors
    /// As [`Wires::set`].
    pub fn heal(&mut self) -> Result<(), Error> {
        match self {
            Self::Relays { mesh, .. } => mesh.heal(),
            Self::Namespaces(spaces) => spaces.heal()?,
        }
        Ok(())
    }

    /// Whether links can be slow or narrow: relays always, namespaces where the kernel has netem.
    #[must_use]
    pub const fn shapes(&self) -> bool {
        match self {
            Self::Relays { .. } => true,
            Self::Namespaces(spaces) => spaces.netem(),
        }
    }

    /// For reports.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Relays { .. } => "relays",
            Self::Namespaces(spaces) if spaces.netem() => "namespaces with netem",
            Self::Namespaces(_) => "namespaces without netem",
        }
    }
}
