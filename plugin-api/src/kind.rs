//! The kinds of component that a stack is made of, with their names in code, CLI, JSON and docs.

use std::fmt;
use std::str::FromStr;

/// A type of component. A stack has one of each at most, except where [`Self::many_per_stack`] says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ComponentKind {
    /// Chooses the place where steps run.
    Orchestrator,
    /// Keeps what steps produce.
    ArtifactStore,
    /// Keeps container images.
    ContainerRegistry,
    /// Records parameters and metrics of experiments.
    ExperimentTracker,
    /// Runs single steps elsewhere than the rest.
    StepOperator,
    /// Serves models.
    ModelDeployer,
    /// Keeps versions of models.
    ModelRegistry,
    /// Tells people.
    Alerter,
    /// Builds container images.
    ImageBuilder,
    /// Checks and profiles data.
    DataValidator,
    /// Serves features.
    FeatureStore,
    /// Has people label data.
    Annotator,
    /// Keeps logs.
    LogStore,
    /// Serves whole pipelines.
    Deployer,
    /// Runs untrusted code apart.
    Sandbox,
}

impl ComponentKind {
    /// Every kind, in the order in which people are shown them.
    pub const ALL: [Self; 15] = [
        Self::Orchestrator,
        Self::ArtifactStore,
        Self::ContainerRegistry,
        Self::ExperimentTracker,
        Self::StepOperator,
        Self::ModelDeployer,
        Self::ModelRegistry,
        Self::Alerter,
        Self::ImageBuilder,
        Self::DataValidator,
        Self::FeatureStore,
        Self::Annotator,
        Self::LogStore,
        Self::Deployer,
        Self::Sandbox,
    ];

    /// The name used on the command line, in JSON, in identities and in the database: `artifact-store`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Orchestrator => "orchestrator",
            Self::ArtifactStore => "artifact-store",
            Self::ContainerRegistry => "container-registry",
            Self::ExperimentTracker => "experiment-tracker",
            Self::StepOperator => "step-operator",
            Self::ModelDeployer => "model-deployer",
            Self::ModelRegistry => "model-registry",
            Self::Alerter => "alerter",
            Self::ImageBuilder => "image-builder",
            Self::DataValidator => "data-validator",
            Self::FeatureStore => "feature-store",
            Self::Annotator => "annotator",
            Self::LogStore => "log-store",
            Self::Deployer => "deployer",
            Self::Sandbox => "sandbox",
        }
    }

    /// What a component of this kind is for, as a phrase that follows its name.
    #[must_use]
    pub const fn purpose(self) -> &'static str {
        match self {
            Self::Orchestrator => {
                "decides where the steps of a pipeline run, and starts them there"
            }
            Self::ArtifactStore => "keeps what steps produce, for the steps that need it next",
            Self::ContainerRegistry => "keeps the container images that hold code and environment",
            Self::ExperimentTracker => "records the parameters and metrics of runs for comparison",
            Self::StepOperator => "runs single steps elsewhere than the rest of the pipeline",
            Self::ModelDeployer => "puts models into service behind an endpoint",
            Self::ModelRegistry => "keeps the versions of models and their stages",
            Self::Alerter => "tells people what happened, in a chat or by mail",
            Self::ImageBuilder => "builds the container images that steps run in",
            Self::DataValidator => "checks and profiles data and models",
            Self::FeatureStore => "serves features for training and for inference",
            Self::Annotator => "has people label data",
            Self::LogStore => "keeps the logs of steps and runs",
            Self::Deployer => "serves whole pipelines as a service",
            Self::Sandbox => "runs code that is not trusted, apart from the rest",
        }
    }

    /// Whether a stack may have more than one component of this kind.
    #[must_use]
    pub const fn many_per_stack(self) -> bool {
        matches!(self, Self::Alerter | Self::ExperimentTracker | Self::StepOperator | Self::Sandbox)
    }

    /// Whether a stack cannot be without a component of this kind.
    #[must_use]
    pub const fn required(self) -> bool {
        matches!(self, Self::Orchestrator | Self::ArtifactStore)
    }

    /// The interfaces of this kind that this version of the crate speaks, newest first.
    ///
    /// Empty for kinds that have a name and a place in stacks, but no interface yet.
    #[must_use]
    pub const fn interfaces(self) -> &'static [&'static str] {
        match self {
            Self::Orchestrator => &[crate::orchestrator::INTERFACE],
            Self::ArtifactStore => &[crate::artifact_store::INTERFACE],
            _ => &[],
        }
    }
}

impl fmt::Display for ComponentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text was not the name of a kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownKind(pub String);

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not a kind of component", self.0)
    }
}

impl std::error::Error for UnknownKind {}

impl FromStr for ComponentKind {
    type Err = UnknownKind;

    /// Accepts the name with `-` or `_` (`artifact_store` is what other systems write).
    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        let name = text.replace('_', "-");
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == name)
            .ok_or_else(|| UnknownKind(text.to_owned()))
    }
}

impl serde::Serialize for ComponentKind {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for ComponentKind {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_found_by_its_name_in_either_spelling() {
        for kind in ComponentKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(kind.as_str().replace('-', "_").parse(), Ok(kind));
            let json = serde_json::to_string(&kind).unwrap();
            assert_eq!(serde_json::from_str::<ComponentKind>(&json).unwrap(), kind);
            for interface in kind.interfaces() {
                assert!(interface.starts_with(&format!("{kind}/")), "{interface}");
            }
        }
        let unknown = "oracle".parse::<ComponentKind>().unwrap_err();
        assert_eq!(unknown.to_string(), "`oracle` is not a kind of component");
    }
}
