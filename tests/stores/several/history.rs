//! What happened, and whether it may.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::client::Answer;

/// How a client's life ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// It was refreshed to the last.
    Alive,
    /// Somebody presented an older token.
    Replayed,
}

/// A refresh whose answer arrived.
pub(crate) struct Asked {
    pub(crate) token: String,
    pub(crate) answer: Answer,
}

/// One client: the tokens it held, in order, and all that it was told.
pub(crate) struct Life {
    pub(crate) number: u64,
    pub(crate) tokens: Vec<String>,
    pub(crate) asked: Vec<Asked>,
    pub(crate) ending: Ending,
    /// What its tokens were good for after that.
    pub(crate) last: Vec<Answer>,
}

impl Life {
    pub(crate) const fn new(number: u64) -> Self {
        Self { number, tokens: Vec::new(), asked: Vec::new(), ending: Ending::Alive, last: Vec::new() }
    }
}

/// All lives, and all events of all nodes.
pub(crate) struct History {
    pub(crate) lives: Vec<Life>,
    pub(crate) events: Vec<String>,
}

impl History {
    /// # Panics
    ///
    /// If it is not one that the design allows.
    pub(crate) fn check(&self) {
        let (mut steps, mut replays) = (BTreeMap::new(), BTreeMap::new());
        for event in &self.events {
            let [kind, grant, generation] = event.split(' ').collect::<Vec<_>>().try_into().unwrap();
            match kind {
                "refreshed" => *steps.entry((grant.to_owned(), generation.to_owned())).or_insert(0) += 1,
                "replay" => *replays.entry(grant.to_owned()).or_insert(0) += 1,
                other => panic!("{other}: the store lost a write"),
            }
        }
        for (step, times) in &steps {
            assert_eq!(*times, 1, "generation {} of grant {} was handed to {times} steps", step.1, step.0);
        }
        let mut replayed = BTreeSet::new();
        for life in &self.lives {
            life.check();
            if life.ending == Ending::Replayed {
                replayed.insert(life.grant());
            }
        }
        let told: BTreeSet<String> = replays.keys().cloned().collect();
        assert_eq!(told, replayed, "a replay is told of for each grant that had one, and for no other");
        let retries = self.lives.iter().map(|life| life.asked.len() + 1 - life.tokens.len()).sum::<usize>();
        println!("{} steps, {retries} other answers, {} replays", steps.len(), replayed.len());
        assert!(steps.len() >= self.lives.len() * 10 && replayed.len() > self.lives.len() / 3, "something happened");
    }
}

impl Life {
    /// The grant as events name it.
    fn grant(&self) -> String {
        let bytes = URL_SAFE_NO_PAD.decode(&self.tokens[0]).unwrap();
        regrant::GrantId::from_u64(u64::from_be_bytes(bytes[1..9].try_into().unwrap())).to_string()
    }

    fn check(&self) {
        let number = self.number;
        // One token, one successor, whoever gave it and however often.
        let mut successors: BTreeMap<&str, &str> = BTreeMap::new();
        for asked in &self.asked {
            assert!([200, 400, 503].contains(&asked.answer.status), "{:?}", asked.answer);
            let Some(token) = &asked.answer.token else { continue };
            let successor = successors.entry(&asked.token).or_insert(token);
            assert_eq!(successor, token, "client {number} was given two successors of one token");
        }
        let distinct: BTreeSet<&str> = successors.values().copied().collect();
        assert_eq!(distinct.len(), successors.len(), "client {number} was given one token twice");
        for pair in self.tokens.windows(2) {
            assert_eq!(successors.get(pair[0].as_str()), Some(&pair[1].as_str()));
        }
        match self.ending {
            Ending::Alive => assert!(self.last.iter().all(|answer| answer.status == 200), "{:?}", self.last),
            Ending::Replayed => {
                assert!(self.last.iter().all(Answer::is_refused), "client {number} lives on: {:?}", self.last);
            }
        }
    }
}
