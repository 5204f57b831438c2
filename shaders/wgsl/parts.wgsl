// What the pixel decoder says of a point, taken apart for relighting.

struct Parts {
    // Share of the light that is given back, 0..=1 each, linear.
    albedo: vec3<f32>,
    // The captured light on it, >= 0: colour as captured is albedo times shading.
    shading: vec3<f32>,
    // With the fine relief, unit length, rest frame.
    normal: vec3<f32>,
    alpha: f32,
    // What it is a part of, from 1; 9 is hair.
    kind: u32,
    // How much of each captured lamp's light arrives, then of the captured ambient light's; lamps first, then the ambient light,
    // then nothing of meaning.
    reach: array<f32, 9>,
}
