//! Any sequence of calls, beside a model that is a map.

use proptest::prelude::*;

use super::*;
use crate::kit::records::model::{agrees, steps};

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_a_map(steps in steps(60)) {
        let place = Place::new();
        let open = || FileStore::open(place.file()).unwrap();
        let reopen = async |store| {
            drop(store);
            open()
        };
        wait(agrees(open(), None, reopen, |_| None, steps))?;
    }
}
