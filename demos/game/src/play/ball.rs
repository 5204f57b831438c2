//! The ball: flight with drag, and what it bounces off.
//!
//! Drag is quadratic, as it is at these speeds; spin is left out. What it touches is found along the way of each step, not
//! at its end, so that no speed carries it through anything.

use glam::Vec3;

use super::table::{
    BALL_RADIUS_M, HALF_LENGTH_M, HALF_WIDTH_M, NET_M, NET_OVERHANG_M, ROOM_M, Side, THICKNESS_M, TOP_M,
};

/// Downwards, metres per second squared.
pub const GRAVITY_M_S2: f32 = 9.81;
/// Deceleration over the square of speed, per metre: ½ · 1.2 kg/m³ · 0.47 · π (20 mm)² / 2.7 g.
pub const DRAG_PER_M: f32 = 0.131;
/// More touches than this in one step end it: then the ball is wedged in.
const MAX_TOUCHES: usize = 8;
/// How far off a surface a ball is put that touched it, metres.
const SKIN_M: f32 = 1e-4;

/// A ball on its way.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ball {
    /// Its middle, metres.
    pub position_m: Vec3,
    /// Metres per second.
    pub velocity_m_s: Vec3,
}

/// What a ball touches that isn't a paddle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Touch {
    /// The playing surface, on this side.
    Table(Side),
    /// The table's edge.
    Edge,
    /// The net's face.
    Net,
    /// The net's upper edge.
    Cord,
    /// The floor.
    Floor,
    /// A wall or the ceiling.
    Wall,
}

/// A touch: what, where, and how hard.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Touched {
    /// What.
    pub touch: Touch,
    /// The ball's middle, metres.
    pub at_m: Vec3,
    /// Speed towards the surface, metres per second.
    pub speed_m_s: f32,
}

impl Touch {
    /// Share of the speed towards a surface that comes back, and its friction. A tournament's table gives 24 to 26 cm of
    /// 30 cm back; what drag takes of that is not the bounce's.
    const fn surface(self) -> [f32; 2] {
        match self {
            Self::Table(_) => [0.93, 0.2],
            Self::Edge => [0.6, 0.3],
            Self::Net => [0.12, 0.3],
            Self::Cord => [0.35, 0.1],
            Self::Floor => [0.75, 0.3],
            Self::Wall => [0.6, 0.3],
        }
    }
}

/// What drag and gravity do to a ball of this velocity.
pub fn acceleration(velocity_m_s: Vec3) -> Vec3 {
    Vec3::NEG_Y * GRAVITY_M_S2 - velocity_m_s * (DRAG_PER_M * velocity_m_s.length())
}

impl Ball {
    /// After flying freely for some time: one step of the midpoint rule, exact without drag.
    pub fn flown(self, seconds: f32) -> Self {
        let half_way = self.velocity_m_s + acceleration(self.velocity_m_s) * (0.5 * seconds);
        Self {
            position_m: self.position_m + half_way * seconds,
            velocity_m_s: self.velocity_m_s + acceleration(half_way) * seconds,
        }
    }

    /// Flies and bounces; says what it touches, in order.
    pub fn step(&mut self, seconds: f32, touched: &mut impl FnMut(Touched)) {
        let mut left = seconds;
        for _ in 0..MAX_TOUCHES {
            let next = self.flown(left);
            let Some(Hit { share, normal, touch }) = first_hit(self.position_m, next.position_m) else {
                *self = next;
                return;
            };
            let there = self.flown(left * share);
            let speed = -there.velocity_m_s.dot(normal);
            let at_m = self.position_m.lerp(next.position_m, share);
            *self = Self {
                position_m: at_m + normal * SKIN_M,
                velocity_m_s: bounced(there.velocity_m_s, normal, touch),
            };
            left *= 1.0 - share;
            touched(Touched { touch, at_m, speed_m_s: speed.max(0.0) });
        }
        // Wedged in: it stays where it is until the next step.
        self.velocity_m_s = Vec3::ZERO;
    }
}

/// Velocity after a bounce. A hollow ball that grips loses two fifths of its speed along the surface to its own spin;
/// before that friction limits what it loses.
pub fn bounced(velocity_m_s: Vec3, normal: Vec3, touch: Touch) -> Vec3 {
    let [restitution, friction] = touch.surface();
    let towards = -velocity_m_s.dot(normal);
    if towards <= 0.0 {
        return velocity_m_s;
    }
    let along = velocity_m_s + normal * towards;
    let speed = along.length();
    let lost = (friction * (1.0 + restitution) * towards).min(0.4 * speed);
    let kept = if speed > 1e-6 { 1.0 - lost / speed } else { 1.0 };
    along * kept + normal * (restitution * towards)
}

/// The first surface on a straight way.
struct Hit {
    /// Of the way, 0 to 1.
    share: f32,
    normal: Vec3,
    touch: Touch,
}

fn first_hit(from: Vec3, to: Vec3) -> Option<Hit> {
    let radius = Vec3::splat(BALL_RADIUS_M);
    let slab = [
        Vec3::new(-HALF_LENGTH_M, TOP_M - THICKNESS_M, -HALF_WIDTH_M) - radius,
        Vec3::new(HALF_LENGTH_M, TOP_M, HALF_WIDTH_M) + radius,
    ];
    let reach = HALF_WIDTH_M + NET_OVERHANG_M;
    let net = [
        Vec3::new(-0.002, TOP_M - THICKNESS_M, -reach) - radius,
        Vec3::new(0.002, TOP_M + NET_M, reach) + radius,
    ];
    let on_slab = entry(from, to, slab).map(|(share, normal)| {
        let at = from.lerp(to, share);
        // Of a rounded rim, what lies outwards of the edge is no more playing surface.
        let is_over = at.x.abs() <= HALF_LENGTH_M + 0.5 * BALL_RADIUS_M
            && at.z.abs() <= HALF_WIDTH_M + 0.5 * BALL_RADIUS_M;
        let touch = if normal.y > 0.5 && is_over { Touch::Table(Side::at(at.x)) } else { Touch::Edge };
        Hit { share, normal, touch }
    });
    let on_net = entry(from, to, net).map(|(share, normal)| Hit {
        share,
        normal,
        touch: if normal.y > 0.5 { Touch::Cord } else { Touch::Net },
    });
    let in_room = exit(from, to, [ROOM_M[0] + radius, ROOM_M[1] - radius]).map(|(share, normal)| Hit {
        share,
        normal,
        touch: if normal.y > 0.5 { Touch::Floor } else { Touch::Wall },
    });
    [on_slab, on_net, in_room].into_iter().flatten().min_by(|a, b| a.share.total_cmp(&b.share))
}

/// Where a way enters a box that it begins outside of: the share of the way, and the face's normal.
fn entry(from: Vec3, to: Vec3, [low, high]: [Vec3; 2]) -> Option<(f32, Vec3)> {
    let way = to - from;
    let (mut enter, mut leave, mut normal) = (f32::NEG_INFINITY, f32::INFINITY, Vec3::ZERO);
    for axis in 0..3 {
        if way[axis].abs() < 1e-12 {
            if from[axis] <= low[axis] || from[axis] >= high[axis] {
                return None;
            }
            continue;
        }
        let (near, far, sign) =
            if way[axis] > 0.0 { (low[axis], high[axis], -1.0) } else { (high[axis], low[axis], 1.0) };
        let share = (near - from[axis]) / way[axis];
        if share > enter {
            enter = share;
            normal = Vec3::ZERO;
            normal[axis] = sign;
        }
        leave = leave.min((far - from[axis]) / way[axis]);
    }
    ((0.0..=1.0).contains(&enter) && enter < leave).then_some((enter, normal))
}

/// Where a way leaves a box: the share of the way, and the normal inwards. A way that begins beyond a face and goes on leaves at
/// once.
fn exit(from: Vec3, to: Vec3, [low, high]: [Vec3; 2]) -> Option<(f32, Vec3)> {
    let way = to - from;
    let mut first: Option<(f32, Vec3)> = None;
    for axis in 0..3 {
        for (face, sign) in [(low[axis], 1.0), (high[axis], -1.0)] {
            if sign * (to[axis] - face) < 0.0 && sign * way[axis] < 0.0 {
                let share = ((face - from[axis]) / way[axis]).clamp(0.0, 1.0);
                if first.is_none_or(|(other, _)| share < other) {
                    let mut normal = Vec3::ZERO;
                    normal[axis] = sign;
                    first = Some((share, normal));
                }
            }
        }
    }
    first
}
