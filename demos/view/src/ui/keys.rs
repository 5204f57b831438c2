//! The keyboard: one table, for what keys do and for the help that says so.

use egui::{Context, Event, Key, Modifiers};

use crate::model::Viewer;
use crate::model::actions::{Action, Group};
use crate::model::camera::Focus;

/// A key's turn, of the picture's height.
const TURN: f32 = 0.045;

/// Some keys and what each does.
pub(crate) struct Binding {
    pub(crate) group: Group,
    /// As the help shows them.
    pub(crate) keys: &'static str,
    pub(crate) text: &'static str,
    chords: &'static [(Modifiers, Key, Action)],
}

const NONE: Modifiers = Modifiers::NONE;
const SHIFT: Modifiers = Modifiers::SHIFT;
const COMMAND: Modifiers = Modifiers::COMMAND;

/// Every binding, in the order of the help.
#[rustfmt::skip]
pub(crate) const BINDINGS: &[Binding] = &[
    Binding { group: Group::Look, keys: "1 2 3 4", text: "portrait, head, eyes, mouth", chords: &[
        (NONE, Key::Num1, Action::Look(Focus::Portrait)), (NONE, Key::Num2, Action::Look(Focus::Head)),
        (NONE, Key::Num3, Action::Look(Focus::Eyes)), (NONE, Key::Num4, Action::Look(Focus::Mouth)) ] },
    Binding { group: Group::Look, keys: "← → ↑ ↓", text: "turn; with Shift move", chords: &[
        (NONE, Key::ArrowLeft, Action::Orbit([-TURN, 0.0])), (NONE, Key::ArrowRight, Action::Orbit([TURN, 0.0])),
        (NONE, Key::ArrowUp, Action::Orbit([0.0, -TURN])), (NONE, Key::ArrowDown, Action::Orbit([0.0, TURN])),
        (SHIFT, Key::ArrowLeft, Action::Pan([-TURN, 0.0])), (SHIFT, Key::ArrowRight, Action::Pan([TURN, 0.0])),
        (SHIFT, Key::ArrowUp, Action::Pan([0.0, -TURN])), (SHIFT, Key::ArrowDown, Action::Pan([0.0, TURN])) ] },
    Binding { group: Group::Look, keys: "+ −", text: "nearer, further", chords: &[
        (NONE, Key::Plus, Action::Zoom(1.15)), (NONE, Key::Equals, Action::Zoom(1.15)),
        (SHIFT, Key::Plus, Action::Zoom(1.15)), (NONE, Key::Minus, Action::Zoom(1.0 / 1.15)) ] },
    Binding { group: Group::Look, keys: "R", text: "back to the front", chords: &[
        (NONE, Key::R, Action::ResetCamera) ] },
    Binding { group: Group::Recording, keys: "Space", text: "play, pause", chords: &[
        (NONE, Key::Space, Action::PlayPause) ] },
    Binding { group: Group::Recording, keys: ", .", text: "one picture back, on", chords: &[
        (NONE, Key::Comma, Action::Step(-1)), (NONE, Key::Period, Action::Step(1)) ] },
    Binding { group: Group::Recording, keys: "J L", text: "one second back, on", chords: &[
        (NONE, Key::J, Action::Skip(-1.0)), (NONE, Key::L, Action::Skip(1.0)) ] },
    Binding { group: Group::Recording, keys: "Home End", text: "to the start, the end", chords: &[
        (NONE, Key::Home, Action::Start), (NONE, Key::End, Action::End) ] },
    Binding { group: Group::Recording, keys: "[ ]", text: "slower, faster", chords: &[
        (NONE, Key::OpenBracket, Action::Slower), (NONE, Key::CloseBracket, Action::Faster) ] },
    Binding { group: Group::Recording, keys: "O", text: "over and over", chords: &[
        (NONE, Key::O, Action::Loop) ] },
    Binding { group: Group::Face, keys: "T", text: "as I am beside tuned", chords: &[
        (NONE, Key::T, Action::Split) ] },
    Binding { group: Group::Face, keys: "E", text: "eyes follow the pointer", chords: &[
        (NONE, Key::E, Action::Follow) ] },
    Binding { group: Group::Face, keys: "I", text: "breathe and blink", chords: &[
        (NONE, Key::I, Action::Life) ] },
    Binding { group: Group::Face, keys: "N", text: "neutral face", chords: &[
        (NONE, Key::N, Action::Rest) ] },
    Binding { group: Group::Window, keys: "Ctrl O", text: "open a file", chords: &[
        (COMMAND, Key::O, Action::Open) ] },
    Binding { group: Group::Window, keys: "S", text: "stereo preview", chords: &[
        (NONE, Key::S, Action::Stereo) ] },
    Binding { group: Group::Window, keys: "B", text: "another backdrop", chords: &[
        (NONE, Key::B, Action::Backdrop) ] },
    Binding { group: Group::Window, keys: "P  V", text: "screenshot, film", chords: &[
        (NONE, Key::P, Action::Screenshot), (NONE, Key::V, Action::Record) ] },
    Binding { group: Group::Window, keys: "G  \\", text: "statistics, side panel", chords: &[
        (NONE, Key::G, Action::Statistics), (NONE, Key::Backslash, Action::Panel) ] },
    Binding { group: Group::Window, keys: "F11", text: "full screen", chords: &[
        (NONE, Key::F11, Action::Fullscreen), (NONE, Key::F, Action::Fullscreen) ] },
    Binding { group: Group::Window, keys: "?  F1", text: "this help", chords: &[
        (SHIFT, Key::Questionmark, Action::Help), (NONE, Key::Questionmark, Action::Help),
        (SHIFT, Key::Slash, Action::Help), (NONE, Key::F1, Action::Help), (NONE, Key::H, Action::Help) ] },
    Binding { group: Group::Window, keys: "Esc", text: "close what is open", chords: &[
        (NONE, Key::Escape, Action::Escape) ] },
];

/// The key that does something, for tooltips.
pub(crate) fn key_of(action: Action) -> &'static str {
    let has = |binding: &&Binding| binding.chords.iter().any(|chord| chord.2 == action);
    match BINDINGS.iter().find(has).and_then(|b| b.chords.iter().find(|chord| chord.2 == action)) {
        Some((modifiers, key, _)) if modifiers.command => {
            if *key == Key::O {
                "Ctrl O"
            } else {
                key.name()
            }
        }
        Some((_, key, _)) => key.symbol_or_name(),
        None => "",
    }
}

/// Does what the keys say that were pressed. While something is typed they mean letters, and while a widget has the focus
/// the keys that move it mean the widget.
pub(crate) fn handle(context: &Context, viewer: &mut Viewer) {
    let types = context.text_edit_focused();
    let dialog = viewer.overlays.open;
    let focused = context.memory(|memory| memory.focused().is_some());
    let pressed: Vec<(Key, Modifiers)> = context.input(|input| {
        let key = |event: &Event| match event {
            Event::Key { key, pressed: true, modifiers, .. } => Some((*key, *modifiers)),
            _ => None,
        };
        input.events.iter().filter_map(key).collect()
    });
    for (key, modifiers) in pressed {
        let belongs_to_widget = matches!(
            key,
            Key::ArrowLeft | Key::ArrowRight | Key::ArrowUp | Key::ArrowDown | Key::Space | Key::Enter
        );
        let means_letter = (types || dialog) && !modifiers.command && key != Key::Escape;
        if means_letter || (focused && belongs_to_widget) {
            continue;
        }
        if let Some(action) = action_of(key, modifiers) {
            viewer.act(action);
        }
    }
}

fn action_of(key: Key, modifiers: Modifiers) -> Option<Action> {
    let fits = |wanted: &Modifiers| {
        (wanted.command, wanted.shift) == (modifiers.command, modifiers.shift) && !modifiers.alt
    };
    let mut chords = BINDINGS.iter().flat_map(|binding| binding.chords);
    chords.find(|(wanted, of, _)| *of == key && fits(wanted)).map(|chord| chord.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_means_two_things() {
        let chords: Vec<_> = BINDINGS.iter().flat_map(|binding| binding.chords).collect();
        for (n, (modifiers, key, _)) in chords.iter().enumerate() {
            let twin = chords[..n].iter().find(|other| (other.0, other.1) == (*modifiers, *key));
            assert!(twin.is_none(), "{modifiers:?} {key:?}");
            assert!(action_of(*key, *modifiers).is_some());
        }
        assert_eq!(action_of(Key::O, Modifiers::COMMAND), Some(Action::Open));
        assert_eq!(action_of(Key::O, Modifiers::NONE), Some(Action::Loop));
        assert_eq!(action_of(Key::O, Modifiers::ALT), None);
    }

    #[test]
    fn every_group_has_something() {
        for group in [Group::Look, Group::Recording, Group::Face, Group::Window] {
            assert!(BINDINGS.iter().any(|binding| binding.group == group), "{group:?}");
        }
    }
}
