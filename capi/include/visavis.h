/* vis-à-vis: photorealistic codec avatars for hosts without Rust.
 *
 * Made by capi/tests/header.rs from the documentation in capi/src; don't edit.
 *
 * Metres, right-handed, +Y up, cameras and faces look along -Z; linear light, 1 is diffuse white; premultiplied alpha;
 * reversed-Z depth; radians. Every structure begins with its own size. Every call that returns VisavisStatus gives
 * VISAVIS_OK or a negative VISAVIS_ERROR_...; visavis_last_error() says why; a call that failed changes nothing but
 * the pictures of the last draw. Handles may be used from any thread, and destroyed in any order.
 */

#ifndef VISAVIS_H
#define VISAVIS_H

#include <stddef.h>
#include <stdint.h>

// The version of this interface. It rises when a function or a structure changes in a way that old programs notice.
#define VISAVIS_ABI_VERSION 1

// Done.
#define VISAVIS_OK 0

// A pointer is null or not aligned, a number is out of range, or something belongs to another engine.
#define VISAVIS_ERROR_ARGUMENT -1

// The struct_size of a structure is not one that this library knows.
#define VISAVIS_ERROR_STRUCT_SIZE -2

// There is no adapter of the wanted kind, or it gave no device.
#define VISAVIS_ERROR_NO_DEVICE -3

// The bytes are no avatar that this library reads, or it is beyond what the device holds.
#define VISAVIS_ERROR_AVATAR -4

// The text is no profile, or the avatar can't be tuned.
#define VISAVIS_ERROR_PROFILE -5

// A number is NaN or infinite, or a rotation is no unit quaternion.
#define VISAVIS_ERROR_POSE -6

// The caller's memory is too small for the picture.
#define VISAVIS_ERROR_TOO_SMALL -7

// The GPU has no memory left; free something and try again.
#define VISAVIS_ERROR_OUT_OF_MEMORY -8

// The GPU device is gone: destroy the handles and make a new engine.
#define VISAVIS_ERROR_DEVICE_LOST -9

// The GPU or its driver refused something else.
#define VISAVIS_ERROR_GPU -10

// There is no such picture: nothing was drawn yet, or fewer views.
#define VISAVIS_ERROR_NOTHING_DRAWN -11

// A bug in this library was caught; the handle may be destroyed, nothing else is promised of it.
#define VISAVIS_ERROR_INTERNAL -12

// A number of a light is one that light can't have, or the avatar can't be shown in other light.
#define VISAVIS_ERROR_LIGHT -13

// Any adapter, real GPUs first.
#define VISAVIS_ADAPTER_ANY 0

// Real GPUs only.
#define VISAVIS_ADAPTER_HARDWARE 1

// Software adapters only: the same pictures on every machine.
#define VISAVIS_ADAPTER_SOFTWARE 2

// What suits the adapter.
#define VISAVIS_EXECUTOR_AUTO 0

// Compute and fragment shaders.
#define VISAVIS_EXECUTOR_GPU 1

// SIMD code on the processor; the device only puts its picture into the target.
#define VISAVIS_EXECUTOR_CPU 2

// The most threads that an engine may be given.
#define VISAVIS_MAX_THREADS 256

// Bytes of a name, the final zero included.
#define VISAVIS_NAME_BYTES 128

// How many face units a latent has: ARKit's 52 blend shapes, in ARKit's order.
#define VISAVIS_FACE_UNITS 52

// How many gaze angles a latent has.
#define VISAVIS_GAZE_ANGLES 4

// The most components of a residual.
#define VISAVIS_MAX_RESIDUAL 32

// The most lamps of a light; hosts with more add the weaker ones to the ambient light.
#define VISAVIS_MAX_LAMPS 8

// Coefficients of spherical harmonics up to order 2.
#define VISAVIS_LIGHT_BANDS 9

// So far away that it is in the same direction from everywhere: `place` is the unit vector towards it.
#define VISAVIS_LAMP_DIRECTIONAL 0

// Shines the same everywhere round it: `place` is its centre, metres.
#define VISAVIS_LAMP_POINT 1

// Shines into a cone: `place` is its centre, metres.
#define VISAVIS_LAMP_SPOT 2

// The most views of one draw.
#define VISAVIS_MAX_VIEWS 8

// The most instances of one draw.
#define VISAVIS_MAX_INSTANCES 255

// Red, green, blue, alpha, a byte each: premultiplied in linear light, then colour is encoded as sRGB; for PNG over an
// opaque background, and for textures that are sampled as sRGB. 4 bytes a pixel.
#define VISAVIS_PLANE_RGBA8_SRGB 0

// Red, green, blue, alpha, a half float each: linear light, 1 is diffuse white, premultiplied. 8 bytes a pixel.
#define VISAVIS_PLANE_RGBA16F 1

// Reversed-Z depth, a float: 1 at the near plane, falling with distance, 0 where nothing is. Of what is at least half
// opaque. 4 bytes a pixel.
#define VISAVIS_PLANE_DEPTH32F 2

// An avatar whose weights are on an engine's device, once for all of its instances.
typedef struct VisavisAvatar VisavisAvatar;

// A device with an engine on it.
typedef struct VisavisEngine VisavisEngine;

// An avatar with a face, at a place.
typedef struct VisavisInstance VisavisInstance;

// VISAVIS_OK, or the negative number of what went wrong; visavis_last_error() has the words.
typedef int32_t VisavisStatus;

// How to make an engine. All zero but struct_size is a good choice.
typedef struct VisavisEngineOptions {
  // sizeof(VisavisEngineOptions).
  uint32_t struct_size;
  // VISAVIS_ADAPTER_…
  uint32_t adapter;
  // VISAVIS_EXECUTOR_…
  uint32_t executor;
  // How many threads the CPU executor may use, at most VISAVIS_MAX_THREADS; with 0 or 1 it works on the thread that
  // calls, and the library makes no thread.
  uint32_t threads;
} VisavisEngineOptions;

// What an engine runs on.
typedef struct VisavisEngineInfo {
  // sizeof(VisavisEngineInfo); set by the caller.
  uint32_t struct_size;
  // VISAVIS_EXECUTOR_GPU or VISAVIS_EXECUTOR_CPU.
  uint32_t executor;
  // 1 if the adapter is a software one, else 0.
  uint32_t is_software;
  // The largest width and height of a picture, pixels.
  uint32_t max_size;
  // The adapter's name: UTF-8, cut off where it is too long, ending in a zero.
  char adapter_name[VISAVIS_NAME_BYTES];
} VisavisEngineInfo;

// What an avatar is.
typedef struct VisavisAvatarInfo {
  // sizeof(VisavisAvatarInfo); set by the caller.
  uint32_t struct_size;
  // How many components of a latent's residual it uses.
  uint32_t residual;
  // 1 if face units and gaze mean to it what their names say, so that trackers can drive it and profiles tune it;
  // else 0.
  uint32_t has_face_units;
  // Vertices of its mesh.
  uint32_t vertices;
  // Triangles of its mesh.
  uint32_t triangles;
  // The person's name: UTF-8, cut off where it is too long, ending in a zero.
  char name[VISAVIS_NAME_BYTES];
  // Under which terms it may be used: an SPDX expression, cut off where it is too long, ending in a zero.
  char licence[VISAVIS_NAME_BYTES];
} VisavisAvatarInfo;

// A face at one instant. All zero but struct_size is the person's neutral face.
typedef struct VisavisLatent {
  // sizeof(VisavisLatent).
  uint32_t struct_size;
  // Zero.
  uint32_t reserved;
  // When it was, nanoseconds on the sender's clock; only differences mean something, to a profile's attack and
  // release.
  uint64_t time_ns;
  // Weights of the face units, nominally 0..1 each; visavis_face_unit() knows their numbers.
  float units[VISAVIS_FACE_UNITS];
  // Left yaw, left pitch, right yaw, right pitch, radians, relative to the head: yaw positive to the person's left,
  // pitch positive upwards.
  float gaze[VISAVIS_GAZE_ANGLES];
  // What units and gaze can't say about this person, about unit variance each; zero from plain trackers. Components
  // beyond the avatar's own count are ignored.
  float residual[VISAVIS_MAX_RESIDUAL];
} VisavisLatent;

// A rotation, and then a translation. Right-handed, +Y up.
typedef struct VisavisTransform {
  // sizeof(VisavisTransform).
  uint32_t struct_size;
  // x, y, z, w of a unit quaternion.
  float rotation[4];
  // Metres.
  float translation[3];
} VisavisTransform;

// One lamp.
typedef struct VisavisLamp {
  // sizeof(VisavisLamp).
  uint32_t struct_size;
  // VISAVIS_LAMP_…
  uint32_t kind;
  // The colour of white that faces it, linear red, green and blue; of point and spot lamps from 1 m.
  float color[3];
  // Where it is, or where it comes from, in the world.
  float place[3];
  // Half of the angle that a directional lamp fills, radians, 0 to π/2; the radius of the others, metres. 0 is a point.
  float radius;
  // Of spot lamps: the unit vector along which they shine.
  float axis[3];
  // Of spot lamps: within this angle from the axis they are as strong as on it, radians.
  float inner_angle;
  // Of spot lamps: beyond this angle they are dark, radians, up to π/2.
  float outer_angle;
} VisavisLamp;

// All light on a person, in the world. Strengths are the colour that diffuse white takes on: 1 is white.
typedef struct VisavisLight {
  // sizeof(VisavisLight).
  uint32_t struct_size;
  // How many lamps there are, at most VISAVIS_MAX_LAMPS.
  uint32_t lamp_count;
  // Radiance from all around: red, green and blue of real spherical harmonics, of direction (x, y, z) towards the
  // light: 0.282095, 0.488603 y, 0.488603 z, 0.488603 x, 1.092548 xy, 1.092548 yz, 0.315392 (3z² − 1), 1.092548 xz,
  // 0.546274 (x² − y²), as ARCore and WebXR give them.
  float ambient[VISAVIS_LIGHT_BANDS][3];
  // The lamps; null if there are none.
  const struct VisavisLamp *lamps;
} VisavisLight;

// A camera: looks along −Z of its own frame with +Y up. Matrices are column by column, for column vectors.
typedef struct VisavisView {
  // sizeof(VisavisView).
  uint32_t struct_size;
  // World (metres) to the camera's frame; rigid, the last row 0 0 0 1.
  float view_from_world[16];
  // The camera's frame to clip space: x and y in −w..w, y up; depth z/w is 1 at the near plane and falls to 0.
  // Asymmetric frusta are welcome.
  float clip_from_view[16];
} VisavisView;

// A draw: which instances, as which cameras see them.
typedef struct VisavisDraw {
  // sizeof(VisavisDraw).
  uint32_t struct_size;
  // Pixels, 1 to VisavisEngineInfo.max_size; of every view.
  uint32_t width;
  // Pixels, 1 to VisavisEngineInfo.max_size; of every view.
  uint32_t height;
  // How many views there are, 1 to VISAVIS_MAX_VIEWS. Each instance is decoded once for all of them.
  uint32_t view_count;
  // How many instances there are, at most VISAVIS_MAX_INSTANCES.
  uint32_t instance_count;
  // What stands behind the avatars: linear red, green, blue, premultiplied by alpha, and alpha; all zero for avatars
  // alone.
  float background[4];
  // The views.
  const struct VisavisView *views;
  // The instances; each may come more than once.
  const struct VisavisInstance *const *instances;
} VisavisDraw;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

// Why the last call on this thread that failed did so: one line of UTF-8, empty if none has failed. It says what was
// found, where, and what would be right.
//
// Threads: each has its own. The text is valid until the next call on this thread fails.
const char *visavis_last_error(void);

// The version of the interface that the library has: compare it with VISAVIS_ABI_VERSION, which the program was
// compiled with.
//
// Threads: any.
uint32_t visavis_abi_version(void);

// The library's own version, as "0.1.0"; a constant.
//
// Threads: any.
const char *visavis_version(void);

// Makes an engine on a device of its own: picks an adapter, compiles pipelines; takes up to seconds on a software
// adapter. `options` may be null. `*engine` is null if it fails.
//
// Threads: any.
// Pointers:
// `options` is null or points to a structure of the size that it says; `engine` is null or may be written.
VisavisStatus visavis_engine_create(const struct VisavisEngineOptions *options,
                                    struct VisavisEngine **engine);

// Destroys an engine; null is nothing. Avatars and instances of it stay valid, and hold on to its device until they are
// destroyed too.
//
// Threads: any, as the last call on this handle.
// Pointers:
// `engine` is null or came from visavis_engine_create, and is not used again.
void visavis_engine_destroy(struct VisavisEngine *engine);

// Says what an engine runs on.
//
// Threads: any; waits for other calls on this engine.
// Pointers:
// `engine` is null or a live handle; `info` is null or points to a structure of the size that it says.
VisavisStatus visavis_engine_info(const struct VisavisEngine *engine,
                                  struct VisavisEngineInfo *info);

// Loads an `.avatar` file from memory: checks it, puts its weights on the engine's device. `bytes` are copied. `*avatar`
// is null if it fails.
//
// Threads: any; drawing on other threads goes on meanwhile.
// Pointers:
// `engine` is null or a live handle; `bytes` is null or points to `size` bytes; `avatar` is null or may be written.
VisavisStatus visavis_avatar_load(const struct VisavisEngine *engine,
                                  const uint8_t *bytes,
                                  size_t size,
                                  struct VisavisAvatar **avatar);

// Says what an avatar is.
//
// Threads: any.
// Pointers:
// `avatar` is null or a live handle; `info` is null or points to a structure of the size that it says.
VisavisStatus visavis_avatar_info(const struct VisavisAvatar *avatar,
                                  struct VisavisAvatarInfo *info);

// Destroys an avatar; null is nothing. Its weights are freed with the last of its instances.
//
// Threads: any, as the last call on this handle.
// Pointers:
// `avatar` is null or came from visavis_avatar_load, and is not used again.
void visavis_avatar_destroy(struct VisavisAvatar *avatar);

// One more of a person: neutral, at the world's origin. `*instance` is null if it fails.
//
// Threads: any.
// Pointers:
// `avatar` is null or a live handle; `instance` is null or may be written.
VisavisStatus visavis_instance_create(const struct VisavisAvatar *avatar,
                                      struct VisavisInstance **instance);

// Destroys an instance; null is nothing.
//
// Threads: any, as the last call on this handle.
// Pointers:
// `instance` is null or came from visavis_instance_create, and is not used again.
void visavis_instance_destroy(struct VisavisInstance *instance);

// The face that is drawn from now on. Refused, and the face stays, if a number is NaN or infinite.
//
// Threads: any; waits for other calls on this instance, and a draw takes the face before or after, never a part of it.
// Pointers:
// `instance` is null or a live handle; `latent` is null or points to a structure of the size that it says.
VisavisStatus visavis_instance_set_latent(const struct VisavisInstance *instance,
                                          const struct VisavisLatent *latent);

// Where the head is against where the person rests: its rotation turns neck and head, its translation moves the whole
// person; the torso stays upright. At rest until then.
//
// Threads: as visavis_instance_set_latent.
// Pointers:
// `instance` is null or a live handle; `rest_from_head` is null or points to a structure of the size that it says.
VisavisStatus visavis_instance_set_head(const struct VisavisInstance *instance,
                                        const struct VisavisTransform *rest_from_head);

// Where the person's rest frame is in the world: its origin midway between the eyes, +X to the person's right, +Y up,
// the face looks along −Z. The world's origin until then.
//
// Threads: as visavis_instance_set_latent.
// Pointers:
// `instance` is null or a live handle; `world_from_rest` is null or points to a structure of the size that it says.
VisavisStatus visavis_instance_set_pose(const struct VisavisInstance *instance,
                                        const struct VisavisTransform *world_from_rest);

// How much of each face is shown from now on: a profile as `visavis calibrate` writes it (TOML, `size` bytes of UTF-8, no
// final zero needed). With null, faces are shown as they are, which is the default. It is the person's own profile: what
// an owner allows to viewers is for the host to keep.
//
// Threads: as visavis_instance_set_latent.
// Pointers:
// `instance` is null or a live handle; `toml` is null or points to `size` bytes.
VisavisStatus visavis_instance_set_profile(const struct VisavisInstance *instance,
                                           const char *toml,
                                           size_t size);

// The number of a face unit by ARKit's name, as "mouthSmileLeft", or −1 if there is none of that name. "Left" is the
// person's left.
//
// Threads: any.
// Pointers:
// `name` is null or points to a string that ends in a zero.
int32_t visavis_face_unit(const char *name);

// The light that an instance is seen in from now on. Null, as at first, shows it as it was captured. Refused if the avatar
// doesn't say which light it was captured in.
//
// Threads: as visavis_instance_set_latent.
// Pointers:
// `instance` is null or a live handle; `light` is null or points to a structure of the size that it says, whose lamps are
// null or as many as it says.
VisavisStatus visavis_instance_set_light(const struct VisavisInstance *instance,
                                         const struct VisavisLight *light);

// Fills `view` with a symmetric perspective camera that stands at `eye` and looks at `target` (world, metres), upright, its
// far plane at infinity. `vertical_angle`: from the lower to the upper edge of the picture, radians, more than 0 and less
// than π. `aspect`: width / height. `near`: metres, more than 0; the depth of what is z metres in front is near / z.
//
// Threads: any.
// Pointers:
// `eye` and `target` are null or point to three numbers; `view` is null or may be written; its struct_size is set.
VisavisStatus visavis_view_look_at(const float *eye,
                                   const float *target,
                                   float vertical_angle,
                                   float aspect,
                                   float near,
                                   struct VisavisView *view);

// Decodes the instances' faces, once for all views, and draws each view into a target of the engine's own, which
// visavis_engine_read reads. Pictures stay until the next draw.
//
// On the GPU executor it returns before the GPU is done; on the CPU executor nearly all of the work is done when it
// returns.
//
// Threads: any; waits for other calls on this engine.
// Pointers:
// `engine` is null or a live handle; `draw` is null or points to a structure of the size that it says, whose views and
// instances are null or point to as many of those as it says, each instance null or a live handle.
VisavisStatus visavis_engine_draw(const struct VisavisEngine *engine,
                                  const struct VisavisDraw *draw);

// Reads a picture of the last draw into the caller's memory, rows from the top. Waits until the GPU has drawn it.
//
// `view`: its number in the draw. `plane`: VISAVIS_PLANE_…. `row_bytes`: from the start of a row to the start of the next,
// or 0 for rows without gaps; at least a row's bytes. `pixels_size`: how many bytes may be written from `pixels` on, at
// least `row_bytes` · (height − 1) and a row. Gaps are left as they are. After a failure the contents are of no meaning.
//
// Threads: any; waits for other calls on this engine.
// Pointers:
// `engine` is null or a live handle; `pixels` is null or `pixels_size` bytes may be written there.
VisavisStatus visavis_engine_read(const struct VisavisEngine *engine,
                                  uint32_t view,
                                  uint32_t plane,
                                  uint8_t *pixels,
                                  size_t pixels_size,
                                  size_t row_bytes);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* VISAVIS_H */
