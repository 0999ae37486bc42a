//! The closed words of replays.

/// Where a replay stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReplayState {
    /// It goes on.
    Running,
    /// A person stopped it.
    Stopped,
    /// Too many failed again.
    Braked,
    /// Nothing of it is left.
    Finished,
}

impl ReplayState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Running, Self::Stopped, Self::Braked, Self::Finished];

    /// The word in SQL, JSON and on command lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Braked => "braked",
            Self::Finished => "finished",
        }
    }

    /// The state of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// Where a dead letter of a replay stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ItemState {
    /// Not sent yet.
    Waiting,
    /// Sent, its outcome not known yet.
    Sent,
    /// Its command was applied.
    Applied,
    /// Newer commands had decided all that its command sets.
    Superseded,
    /// Its command ended with a business answer.
    Rejected,
    /// It failed again.
    DeadAgain,
    /// It could not be sent.
    Refused,
    /// Sent, and nothing was heard of it.
    Unknown,
}

impl ItemState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Waiting,
        Self::Sent,
        Self::Applied,
        Self::Superseded,
        Self::Rejected,
        Self::DeadAgain,
        Self::Refused,
        Self::Unknown,
    ];

    /// The word in SQL, JSON and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Applied => "applied",
            Self::Superseded => "superseded",
            Self::Rejected => "rejected",
            Self::DeadAgain => "deadAgain",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }

    /// The state of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// Why a dead letter of a replay was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Refusal {
    /// There is no such dead letter.
    Missing,
    /// Its command has ended.
    Resolved,
    /// It was given up.
    Discarded,
    /// A corrected one was sent in its place.
    Replaced,
    /// Its payload was erased.
    Erased,
    /// Its payload is encrypted with a key that is not there.
    Locked,
    /// It failed again since; the newer failure is the one to send.
    Newer,
}

impl Refusal {
    /// Every refusal.
    pub const ALL: [Self; 7] = [
        Self::Missing,
        Self::Resolved,
        Self::Discarded,
        Self::Replaced,
        Self::Erased,
        Self::Locked,
        Self::Newer,
    ];

    /// The word in SQL, JSON and on command lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Resolved => "resolved",
            Self::Discarded => "discarded",
            Self::Replaced => "replaced",
            Self::Erased => "erased",
            Self::Locked => "locked",
            Self::Newer => "newer",
        }
    }

    /// The refusal of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|refusal| refusal.as_str() == word)
    }
}
