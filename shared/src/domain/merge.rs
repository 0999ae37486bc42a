//! `merge`: the rule that makes order irrelevant.
//!
//! Every field remembers the (stamp, id) that set it and yields only to a greater one: a last-writer-wins
//! register per field (Shapiro et al., "A comprehensive study of convergent and commutative replicated data
//! types", INRIA RR-7506, section 3.2.1), with a delete that is final.
//!
//! **Invariant:** for unconditional commands with one stamp each, of which at most one is the create, the final
//! state is the same for every order and any repetition.

use super::{
    command::{Action, Changes, Command, IfMatch, NewContact, Outcome, Rejection},
    contact::{ContactState, Life, Mark},
    stamp::Stamp,
};

/// Applies a command to a contact: the new state (`None` if there is still nothing to keep) and how the command
/// ended. Pure and total.
pub fn merge(current: Option<ContactState>, command: &Command) -> (Option<ContactState>, Outcome) {
    let Some(stamp) = condition_holds(current.as_ref(), command) else {
        return (current, Outcome::Rejected(Rejection::PreconditionFailed));
    };
    if current.as_ref().is_some_and(|state| state.life == Life::Deleted) {
        return (current, Outcome::Superseded);
    }
    match &command.action {
        Action::Create(contact) => create(current, command, contact),
        Action::Update(changes) => update(current, command, changes, stamp),
        Action::Delete => (
            Some(ContactState::tombstone(command.contact_id)),
            Outcome::Applied,
        ),
    }
}

/// The stamp that the command applies with, or `None` if its condition does not hold. A command whose condition
/// holds is younger than everything it has seen, whatever the clocks say.
fn condition_holds(current: Option<&ContactState>, command: &Command) -> Option<Stamp> {
    let Some(condition) = &command.if_match else {
        return Some(command.stamp);
    };
    let born = current.filter(|state| matches!(state.life, Life::Born(_)))?;
    let holds = match condition {
        IfMatch::Any => true,
        IfMatch::Tags(tags) => tags.contains(&born.etag()),
    };
    holds.then(|| command.stamp.max(born.newest_stamp().next()))
}

fn create(
    current: Option<ContactState>,
    command: &Command,
    contact: &NewContact,
) -> (Option<ContactState>, Outcome) {
    let mut state = current.unwrap_or_else(|| ContactState::unborn(command.contact_id));
    if let Life::Born(creator) = state.life {
        // Two creates of one contact come from one idempotency key: the same request, or another one.
        let outcome = if creator == command.id {
            Outcome::Superseded
        } else {
            Outcome::Rejected(Rejection::IdempotencyKeyReused)
        };
        return (Some(state), outcome);
    }
    // Nobody can know a contact before its create, so every update is younger than it.
    let mark = Mark {
        stamp: Stamp::ZERO,
        command: command.id,
    };
    state.life = Life::Born(command.id);
    state.name.set(Some(contact.name.clone()), mark);
    state.phone.set(contact.phone.clone(), mark);
    state.email.set(contact.email.clone(), mark);
    (Some(state), Outcome::Applied)
}

fn update(
    current: Option<ContactState>,
    command: &Command,
    changes: &Changes,
    stamp: Stamp,
) -> (Option<ContactState>, Outcome) {
    if *changes == Changes::default() {
        return (current, Outcome::Applied);
    }
    let mut state = current.unwrap_or_else(|| ContactState::unborn(command.contact_id));
    let mark = Mark {
        stamp,
        command: command.id,
    };
    let mut decided = false;
    if let Some(name) = &changes.name {
        decided |= state.name.set(Some(name.clone()), mark);
    }
    if let Some(phone) = &changes.phone {
        decided |= state.phone.set(phone.clone(), mark);
    }
    if let Some(email) = &changes.email {
        decided |= state.email.set(email.clone(), mark);
    }
    (
        Some(state),
        if decided {
            Outcome::Applied
        } else {
            Outcome::Superseded
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{CommandId, ContactId, IdIssuer, IdKey, Name, Phone};

    fn ids(n: u64) -> (CommandId, ContactId) {
        let ids = IdIssuer::new(IdKey::new(&[7; 32]).unwrap()).issue(n, 0);
        (ids.command, ids.contact)
    }

    fn command(n: u64, ms: u64, action: Action) -> Command {
        Command {
            id: ids(n).0,
            contact_id: ids(1).1,
            stamp: Stamp::at_ms(ms),
            if_match: None,
            action,
        }
    }

    fn create(n: u64, ms: u64) -> Command {
        let contact = NewContact {
            name: name("Ana"),
            phone: None,
            email: None,
        };
        command(n, ms, Action::Create(contact))
    }

    fn rename(n: u64, ms: u64, to: &str) -> Command {
        command(
            n,
            ms,
            Action::Update(Changes {
                name: Some(name(to)),
                ..Changes::default()
            }),
        )
    }

    fn name(text: &str) -> Name {
        Name::parse(text).unwrap()
    }

    fn fold(commands: &[Command]) -> (Option<ContactState>, Vec<Outcome>) {
        let mut outcomes = Vec::new();
        let state = commands.iter().fold(None, |state, command| {
            let (state, outcome) = merge(state, command);
            outcomes.push(outcome);
            state
        });
        (state, outcomes)
    }

    #[test]
    fn an_update_is_younger_than_its_create_even_with_an_older_stamp() {
        let (state, outcomes) = fold(&[rename(2, 10, "Bia"), create(1, 50)]);
        assert_eq!(outcomes, [Outcome::Applied, Outcome::Applied]);
        let state = state.unwrap();
        assert_eq!(
            (state.life, state.name.value),
            (Life::Born(ids(1).0), Some(name("Bia")))
        );
    }

    #[test]
    fn two_patches_of_different_fields_both_hold() {
        let phone = Some(Some(Phone::parse("11987654321").unwrap()));
        let patch = command(
            3,
            20,
            Action::Update(Changes {
                phone,
                ..Changes::default()
            }),
        );
        let (state, outcomes) = fold(&[create(1, 1), rename(2, 30, "Bia"), patch]);
        assert_eq!(outcomes, [Outcome::Applied; 3]);
        assert!(state.unwrap().phone.value.is_some());
    }

    #[test]
    fn older_updates_and_repeats_are_superseded() {
        let (_, outcomes) = fold(&[
            create(1, 1),
            rename(2, 30, "Bia"),
            rename(3, 20, "Eva"),
            rename(2, 30, "Bia"),
            create(1, 1),
        ]);
        use Outcome::{Applied, Superseded};
        assert_eq!(outcomes, [Applied, Applied, Superseded, Superseded, Superseded]);
    }

    #[test]
    fn a_delete_is_final_and_leaves_no_personal_data() {
        let delete = command(4, 2, Action::Delete);
        for order in [
            [create(1, 1), delete.clone(), rename(2, 9, "Bia")],
            [delete.clone(), create(1, 1), rename(2, 9, "Bia")],
        ] {
            let (state, _) = fold(&order);
            assert_eq!(state, Some(ContactState::tombstone(ids(1).1)));
        }
        let (_, outcomes) = fold(&[delete.clone(), command(5, 9, Action::Delete)]);
        assert_eq!(outcomes[1], Outcome::Superseded);
    }

    #[test]
    fn conditions_are_decided_against_what_is_stored() {
        let state = fold(&[create(1, 1)]).0.unwrap();
        let conditional = |tags| Command {
            if_match: Some(tags),
            ..rename(2, 0, "Bia")
        };
        let (after, outcome) = merge(
            Some(state.clone()),
            &conditional(IfMatch::Tags(vec![state.etag()])),
        );
        assert_eq!(
            outcome,
            Outcome::Applied,
            "its own stamp is older, its condition holds"
        );
        let after = after.unwrap();
        assert_ne!(after.etag(), state.etag());
        let rejected = Outcome::Rejected(Rejection::PreconditionFailed);
        assert_eq!(
            merge(Some(after), &conditional(IfMatch::Tags(vec![state.etag()]))).1,
            rejected
        );
        for missing in [
            None,
            fold(&[rename(3, 1, "Eva")]).0,
            fold(&[command(4, 1, Action::Delete)]).0,
        ] {
            assert_eq!(
                merge(missing.clone(), &conditional(IfMatch::Any)),
                (missing, rejected)
            );
        }
    }

    #[test]
    fn a_patch_of_nothing_changes_nothing() {
        let nothing = command(2, 9, Action::Update(Changes::default()));
        assert_eq!(merge(None, &nothing), (None, Outcome::Applied));
    }

    #[test]
    fn another_create_of_a_born_contact_is_rejected() {
        let (_, outcomes) = fold(&[create(1, 1), create(2, 2)]);
        assert_eq!(outcomes[1], Outcome::Rejected(Rejection::IdempotencyKeyReused));
    }
}
