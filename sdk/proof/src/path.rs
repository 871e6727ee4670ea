//! The validator-set path: from the trusted genesis to the validators of an epoch.
//!
//! Only epoch 0 is known now: the genesis gives its validators. When validator sets change, the finalized result of an
//! epoch's last block names the next set; a bundle will then carry those finalizations, and [`Path::at`] will step
//! through them. The steps of the verification ask for nothing but [`Path::at`].

use crate::error::{ProofError, Reason};
use hnchain_types::genesis::{Genesis, ValidatorSet};
use hnchain_types::{Epoch, ValidatorIndex};

/// What leads from a genesis to later validator sets.
pub(crate) struct Path<'a> {
    genesis: &'a Genesis,
}

/// Validators of one epoch, and who runs them.
pub(crate) struct EpochSet<'a> {
    pub(crate) validators: &'a ValidatorSet,
    organizations: Vec<&'a str>,
}

impl<'a> Path<'a> {
    pub(crate) const fn new(genesis: &'a Genesis) -> Self {
        Self { genesis }
    }

    /// The validators of an epoch.
    pub(crate) fn at(&self, epoch: Epoch) -> Result<EpochSet<'a>, ProofError> {
        if epoch != self.genesis.epoch() {
            return Err(ProofError::new(Reason::Epoch, format_args!("epoch={epoch}")));
        }
        let organizations = self.genesis.document().validators.iter().map(|v| v.organization.as_str()).collect();
        Ok(EpochSet { validators: self.genesis.validators(), organizations })
    }
}

impl EpochSet<'_> {
    /// Organization that runs a validator.
    pub(crate) fn organization(&self, index: ValidatorIndex) -> &str {
        self.organizations.get(index.index()).copied().unwrap_or_default()
    }
}
