//! Trackers that drive the face live.

use egui::{DragValue, RichText, Ui};
use visavis_codec::drive::live::LiveProtocol;

use super::theme::{ACCENT, FAINT};
use super::widgets::{hint, switch};
use crate::model::Viewer;

pub(super) fn show(ui: &mut Ui, viewer: &mut Viewer) {
    hint(ui, "Send a face tracker's stream to this machine and it drives the face.");
    for (n, protocol) in LiveProtocol::ALL.into_iter().enumerate() {
        let is_on = viewer.live.as_ref().is_some_and(|live| live.protocol() == protocol);
        let mut port = viewer.settings.ports[n];
        if switch(ui, protocol.name(), is_on, about(protocol)) {
            viewer.toggle_live(protocol, port);
        }
        ui.horizontal(|ui| {
            ui.label(RichText::new("UDP port").size(13.0).color(FAINT));
            let field = DragValue::new(&mut port).range(1..=u16::MAX).speed(0.2);
            if ui.add_enabled(!is_on, field).changed() {
                viewer.settings.ports[n] = port;
            }
        });
        if let (true, Some(live)) = (is_on, &viewer.live) {
            let status = live.status();
            let color = if status.is_tracking() { ACCENT } else { FAINT };
            ui.label(
                RichText::new(format!("Port {}: {}", live.port(), status.line())).size(13.0).color(color),
            );
        }
        ui.add_space(4.0);
    }
}

const fn about(protocol: LiveProtocol) -> &'static str {
    match protocol {
        LiveProtocol::LiveLink => {
            "The phone's app: Settings, Live Link, this machine's address and this port"
        }
        LiveProtocol::Vmc => {
            "VSeeFace, VMagicMirror, Warudo and others: send VMC to this machine and this port"
        }
    }
}
