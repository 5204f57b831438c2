/* Everything that a host can do wrong without breaking a pointer: an error each, and nothing breaks. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "visavis.h"

static int checks, failures;

/* The call's status must be this one, and a failure must have words, with `word` among them. */
static void expect(int line, VisavisStatus found, VisavisStatus wanted, const char *word) {
  checks++;
  const char *said = found == VISAVIS_OK ? "" : visavis_last_error();
  if (found != wanted || (found != VISAVIS_OK && (said[0] == '\0' || strstr(said, word) == NULL))) {
    failures++;
    fprintf(stderr, "misuse.c:%d: status %d, wanted %d; it said: %s\n", line, (int)found, (int)wanted, said);
  }
}
#define EXPECT(call, status, word) expect(__LINE__, (call), (status), (word))
#define TRUE(condition) expect(__LINE__, (condition) ? VISAVIS_OK : -1000, VISAVIS_OK, "")

static uint8_t *read_file(const char *path, size_t *size) {
  FILE *file = fopen(path, "rb");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) { perror(path); exit(EXIT_FAILURE); }
  long length = ftell(file);
  uint8_t *bytes = length > 0 ? malloc((size_t)length) : NULL;
  rewind(file);
  if (bytes == NULL || fread(bytes, 1, (size_t)length, file) != (size_t)length) { perror(path); exit(EXIT_FAILURE); }
  fclose(file);
  *size = (size_t)length;
  return bytes;
}

static VisavisEngine *engines(void) {
  VisavisEngineOptions options = { .struct_size = sizeof options, .adapter = VISAVIS_ADAPTER_SOFTWARE };
  VisavisEngine *engine = (VisavisEngine *)&options;
  EXPECT(visavis_engine_create(&options, NULL), VISAVIS_ERROR_ARGUMENT, "engine");
  options.struct_size = 0;
  EXPECT(visavis_engine_create(&options, &engine), VISAVIS_ERROR_STRUCT_SIZE, "struct_size");
  TRUE(engine == NULL);
  options.struct_size = sizeof options - 1;
  EXPECT(visavis_engine_create(&options, &engine), VISAVIS_ERROR_STRUCT_SIZE, "struct_size");
  options.struct_size = 0xffffffffu;
  EXPECT(visavis_engine_create(&options, &engine), VISAVIS_ERROR_STRUCT_SIZE, "struct_size");
  options.struct_size = sizeof options;
  options.adapter = 99;
  EXPECT(visavis_engine_create(&options, &engine), VISAVIS_ERROR_ARGUMENT, "adapter");
  options.adapter = VISAVIS_ADAPTER_SOFTWARE;
  options.executor = 3;
  EXPECT(visavis_engine_create(&options, &engine), VISAVIS_ERROR_ARGUMENT, "executor");
  options.executor = VISAVIS_EXECUTOR_AUTO;
  options.threads = 100000;
  EXPECT(visavis_engine_create(&options, &engine), VISAVIS_ERROR_ARGUMENT, "threads");
  options.threads = 0;
  EXPECT(visavis_engine_create((const VisavisEngineOptions *)((const char *)&options + 1), &engine),
         VISAVIS_ERROR_ARGUMENT, "aligned");
  EXPECT(visavis_engine_create(&options, &engine), VISAVIS_OK, "");

  VisavisEngineInfo info = { .struct_size = 4 };
  EXPECT(visavis_engine_info(NULL, &info), VISAVIS_ERROR_ARGUMENT, "engine");
  EXPECT(visavis_engine_info(engine, NULL), VISAVIS_ERROR_ARGUMENT, "info");
  EXPECT(visavis_engine_info(engine, &info), VISAVIS_ERROR_STRUCT_SIZE, "struct_size");
  info.struct_size = sizeof info;
  EXPECT(visavis_engine_info(engine, &info), VISAVIS_OK, "");
  TRUE(info.is_software == 1 && info.executor == VISAVIS_EXECUTOR_CPU && info.max_size >= 2048);
  TRUE(memchr(info.adapter_name, 0, sizeof info.adapter_name) != NULL && info.adapter_name[0] != 0);
  visavis_engine_destroy(NULL);
  return engine;
}

static VisavisAvatar *avatars(VisavisEngine *engine, const uint8_t *bytes, size_t size) {
  VisavisAvatar *avatar = NULL;
  EXPECT(visavis_avatar_load(NULL, bytes, size, &avatar), VISAVIS_ERROR_ARGUMENT, "engine");
  EXPECT(visavis_avatar_load(engine, NULL, size, &avatar), VISAVIS_ERROR_ARGUMENT, "bytes");
  EXPECT(visavis_avatar_load(engine, bytes, size, NULL), VISAVIS_ERROR_ARGUMENT, "avatar");
  EXPECT(visavis_avatar_load(engine, bytes, 0, &avatar), VISAVIS_ERROR_AVATAR, "header");
  EXPECT(visavis_avatar_load(engine, bytes, (size_t)-1, &avatar), VISAVIS_ERROR_ARGUMENT, "bytes");
  EXPECT(visavis_avatar_load(engine, bytes, size - 1, &avatar), VISAVIS_ERROR_AVATAR, "");
  EXPECT(visavis_avatar_load(engine, bytes, size / 2, &avatar), VISAVIS_ERROR_AVATAR, "");
  EXPECT(visavis_avatar_load(engine, (const uint8_t *)"not an avatar at all", 20, &avatar), VISAVIS_ERROR_AVATAR, "");
  TRUE(avatar == NULL);

  uint8_t *damaged = malloc(size);
  if (damaged == NULL) exit(EXIT_FAILURE);
  uint32_t random = 1;
  for (int round = 0; round < 64; round++) {
    memcpy(damaged, bytes, size);
    for (int flips = 0; flips <= round; flips++) {
      random = random * 1664525u + 1013904223u;
      /* Half of them in the header, where it matters most. */
      damaged[random % (flips % 2 == 0 && size > 4096 ? 4096 : size)] ^= (uint8_t)(1u << (random >> 29));
    }
    VisavisStatus status = visavis_avatar_load(engine, damaged, size, &avatar);
    TRUE(status == VISAVIS_OK ? avatar != NULL : status == VISAVIS_ERROR_AVATAR && avatar == NULL);
    visavis_avatar_destroy(avatar);
  }
  free(damaged);

  EXPECT(visavis_avatar_load(engine, bytes, size, &avatar), VISAVIS_OK, "");
  VisavisAvatarInfo info = { .struct_size = sizeof info + 8 };
  EXPECT(visavis_avatar_info(avatar, &info), VISAVIS_ERROR_STRUCT_SIZE, "struct_size");
  info.struct_size = sizeof info;
  EXPECT(visavis_avatar_info(NULL, &info), VISAVIS_ERROR_ARGUMENT, "avatar");
  EXPECT(visavis_avatar_info(avatar, NULL), VISAVIS_ERROR_ARGUMENT, "info");
  EXPECT(visavis_avatar_info(avatar, &info), VISAVIS_OK, "");
  TRUE(info.vertices > 0 && info.triangles > 0 && info.residual <= VISAVIS_MAX_RESIDUAL && info.has_face_units == 1);
  visavis_avatar_destroy(NULL);
  return avatar;
}

static VisavisInstance *instances(const VisavisAvatar *avatar) {
  VisavisInstance *instance = NULL;
  EXPECT(visavis_instance_create(NULL, &instance), VISAVIS_ERROR_ARGUMENT, "avatar");
  EXPECT(visavis_instance_create(avatar, NULL), VISAVIS_ERROR_ARGUMENT, "instance");
  EXPECT(visavis_instance_create(avatar, &instance), VISAVIS_OK, "");
  visavis_instance_destroy(NULL);

  VisavisLatent latent = { .struct_size = sizeof latent };
  EXPECT(visavis_instance_set_latent(NULL, &latent), VISAVIS_ERROR_ARGUMENT, "instance");
  EXPECT(visavis_instance_set_latent(instance, NULL), VISAVIS_ERROR_ARGUMENT, "latent");
  latent.units[7] = NAN;
  EXPECT(visavis_instance_set_latent(instance, &latent), VISAVIS_ERROR_POSE, "latent");
  latent.units[7] = 0.0f;
  latent.gaze[1] = INFINITY;
  EXPECT(visavis_instance_set_latent(instance, &latent), VISAVIS_ERROR_POSE, "latent");
  latent.gaze[1] = 0.0f;
  latent.reserved = 1;
  EXPECT(visavis_instance_set_latent(instance, &latent), VISAVIS_ERROR_ARGUMENT, "reserved");
  latent.reserved = 0;
  latent.struct_size--;
  EXPECT(visavis_instance_set_latent(instance, &latent), VISAVIS_ERROR_STRUCT_SIZE, "struct_size");
  latent.struct_size++;
  for (int unit = 0; unit < VISAVIS_FACE_UNITS; unit++) latent.units[unit] = 1e30f; /* absurd, but a number */
  EXPECT(visavis_instance_set_latent(instance, &latent), VISAVIS_OK, "");
  memset(latent.units, 0, sizeof latent.units);
  EXPECT(visavis_instance_set_latent(instance, &latent), VISAVIS_OK, "");

  VisavisTransform pose = { .struct_size = sizeof pose };
  EXPECT(visavis_instance_set_pose(instance, &pose), VISAVIS_ERROR_POSE, "unit quaternion");
  EXPECT(visavis_instance_set_head(instance, &pose), VISAVIS_ERROR_POSE, "unit quaternion");
  pose.rotation[3] = 1.0f;
  pose.translation[0] = NAN;
  EXPECT(visavis_instance_set_pose(instance, &pose), VISAVIS_ERROR_POSE, "finite");
  pose.translation[0] = 0.0f;
  EXPECT(visavis_instance_set_pose(NULL, &pose), VISAVIS_ERROR_ARGUMENT, "instance");
  EXPECT(visavis_instance_set_pose(instance, NULL), VISAVIS_ERROR_ARGUMENT, "world_from_rest");
  EXPECT(visavis_instance_set_head(NULL, &pose), VISAVIS_ERROR_ARGUMENT, "instance");
  EXPECT(visavis_instance_set_head(instance, NULL), VISAVIS_ERROR_ARGUMENT, "rest_from_head");
  EXPECT(visavis_instance_set_pose(instance, &pose), VISAVIS_OK, "");
  EXPECT(visavis_instance_set_head(instance, &pose), VISAVIS_OK, "");
  pose.struct_size = 3;
  EXPECT(visavis_instance_set_pose(instance, &pose), VISAVIS_ERROR_STRUCT_SIZE, "struct_size");

  const char *profile = "version = 1\nname = \"warm\"\n[region.mouth]\ngain = 1.2\n";
  const char *wrong[] = { "", "version = 99", "version = 1\n[region.tail]\ngain = 1.0\n", "\xff\xfe", "[[[[[[" };
  EXPECT(visavis_instance_set_profile(NULL, profile, strlen(profile)), VISAVIS_ERROR_ARGUMENT, "instance");
  for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
    EXPECT(visavis_instance_set_profile(instance, wrong[i], strlen(wrong[i])), VISAVIS_ERROR_PROFILE, "");
  EXPECT(visavis_instance_set_profile(instance, profile, strlen(profile)), VISAVIS_OK, "");
  EXPECT(visavis_instance_set_profile(instance, NULL, 0), VISAVIS_OK, "");

  VisavisLamp lamps[2] = {
    { .struct_size = sizeof lamps[0], .kind = VISAVIS_LAMP_DIRECTIONAL, .color = { 1, 1, 1 }, .place = { 0, 1, 0 } },
    { .struct_size = sizeof lamps[1], .kind = VISAVIS_LAMP_POINT, .color = { 2, 1, 0 }, .place = { 1, 1, -1 }, .radius = 0.1f },
  };
  VisavisLight light = { .struct_size = sizeof light, .lamp_count = 2, .ambient = { { 1, 1, 1 } }, .lamps = lamps };
  EXPECT(visavis_instance_set_light(NULL, &light), VISAVIS_ERROR_ARGUMENT, "instance");
  EXPECT(visavis_instance_set_light(instance, &light), VISAVIS_OK, "");
  lamps[0].color[1] = NAN;
  EXPECT(visavis_instance_set_light(instance, &light), VISAVIS_ERROR_LIGHT, "color");
  lamps[0].color[1] = 1.0f;
  lamps[0].place[1] = 3.0f;
  EXPECT(visavis_instance_set_light(instance, &light), VISAVIS_ERROR_LIGHT, "length 1");
  lamps[0].place[1] = 1.0f;
  lamps[1].kind = 9;
  EXPECT(visavis_instance_set_light(instance, &light), VISAVIS_ERROR_ARGUMENT, "kind");
  lamps[1].kind = VISAVIS_LAMP_POINT;
  lamps[1].struct_size = 0;
  EXPECT(visavis_instance_set_light(instance, &light), VISAVIS_ERROR_STRUCT_SIZE, "struct_size");
  light.lamp_count = 9;
  EXPECT(visavis_instance_set_light(instance, &light), VISAVIS_ERROR_ARGUMENT, "lamp_count");
  light.lamp_count = 1;
  light.lamps = NULL;
  EXPECT(visavis_instance_set_light(instance, &light), VISAVIS_ERROR_ARGUMENT, "lamps");
  light.lamp_count = 0;
  light.ambient[8][2] = INFINITY;
  EXPECT(visavis_instance_set_light(instance, &light), VISAVIS_ERROR_LIGHT, "ambient");
  light.struct_size = 7;
  EXPECT(visavis_instance_set_light(instance, &light), VISAVIS_ERROR_STRUCT_SIZE, "struct_size");
  EXPECT(visavis_instance_set_light(instance, NULL), VISAVIS_OK, "");

  TRUE(visavis_face_unit("jawOpen") == 17 && visavis_face_unit("JawOpen") == -1);
  TRUE(visavis_face_unit(NULL) == -1 && visavis_face_unit("\xff") == -1);
  return instance;
}

enum { SIZE = 33 }; /* odd, so that rows are padded on their way */
static uint8_t pixels[SIZE * SIZE * 8];

static void draws(VisavisEngine *engine, VisavisInstance *instance) {
  EXPECT(visavis_engine_read(engine, 0, VISAVIS_PLANE_RGBA8_SRGB, pixels, sizeof pixels, 0),
         VISAVIS_ERROR_NOTHING_DRAWN, "view");

  VisavisView views[2] = { { .struct_size = sizeof(VisavisView) } };
  const float eye[3] = { 0.0f, 0.0f, -1.0f }, target[3] = { 0.0f, 0.0f, 0.0f }, nowhere[3] = { NAN, 0.0f, 0.0f };
  EXPECT(visavis_view_look_at(NULL, target, 0.4f, 1.0f, 0.1f, &views[0]), VISAVIS_ERROR_ARGUMENT, "eye");
  EXPECT(visavis_view_look_at(eye, NULL, 0.4f, 1.0f, 0.1f, &views[0]), VISAVIS_ERROR_ARGUMENT, "target");
  EXPECT(visavis_view_look_at(eye, target, 0.4f, 1.0f, 0.1f, NULL), VISAVIS_ERROR_ARGUMENT, "view");
  EXPECT(visavis_view_look_at(eye, target, 4.0f, 1.0f, 0.1f, &views[0]), VISAVIS_ERROR_ARGUMENT, "angle");
  EXPECT(visavis_view_look_at(eye, target, 0.4f, -1.0f, 0.1f, &views[0]), VISAVIS_ERROR_ARGUMENT, "aspect");
  EXPECT(visavis_view_look_at(eye, target, 0.4f, 1.0f, NAN, &views[0]), VISAVIS_ERROR_ARGUMENT, "near");
  EXPECT(visavis_view_look_at(nowhere, target, 0.4f, 1.0f, 0.1f, &views[0]), VISAVIS_ERROR_POSE, "finite");
  EXPECT(visavis_view_look_at(eye, target, 0.4f, 1.0f, 0.1f, &views[0]), VISAVIS_OK, "");
  const float aside[3] = { 0.5f, 0.0f, -1.0f };
  views[1].struct_size = sizeof views[1];
  EXPECT(visavis_view_look_at(aside, target, 0.4f, 1.0f, 0.1f, &views[1]), VISAVIS_OK, "");

  const VisavisInstance *cast[3] = { instance, NULL, instance };
  const VisavisDraw good = { .struct_size = sizeof good, .width = SIZE, .height = SIZE, .view_count = 2,
                             .instance_count = 1, .views = views, .instances = cast };
  VisavisDraw draw = good;
  EXPECT(visavis_engine_draw(NULL, &draw), VISAVIS_ERROR_ARGUMENT, "engine");
  EXPECT(visavis_engine_draw(engine, NULL), VISAVIS_ERROR_ARGUMENT, "draw");
  draw.struct_size = 12;
  EXPECT(visavis_engine_draw(engine, &draw), VISAVIS_ERROR_STRUCT_SIZE, "struct_size");
  draw = good; draw.width = 0;
  EXPECT(visavis_engine_draw(engine, &draw), VISAVIS_ERROR_ARGUMENT, "pixels");
  draw = good; draw.height = 0xffffffffu;
  EXPECT(visavis_engine_draw(engine, &draw), VISAVIS_ERROR_ARGUMENT, "pixels");
  draw = good; draw.view_count = 0;
  EXPECT(visavis_engine_draw(engine, &draw), VISAVIS_ERROR_ARGUMENT, "view_count");
  draw = good; draw.view_count = 9;
  EXPECT(visavis_engine_draw(engine, &draw), VISAVIS_ERROR_ARGUMENT, "view_count");
  draw = good; draw.views = NULL;
  EXPECT(visavis_engine_draw(engine, &draw), VISAVIS_ERROR_ARGUMENT, "views");
  draw = good; draw.instances = NULL;
  EXPECT(visavis_engine_draw(engine, &draw), VISAVIS_ERROR_ARGUMENT, "instances");
  draw = good; draw.instance_count = 2;
  EXPECT(visavis_engine_draw(engine, &draw), VISAVIS_ERROR_ARGUMENT, "instances");
  draw = good; draw.instance_count = 1000000;
  EXPECT(visavis_engine_draw(engine, &draw), VISAVIS_ERROR_ARGUMENT, "instance_count");
  draw = good; draw.background[2] = NAN;
  EXPECT(visavis_engine_draw(engine, &draw), VISAVIS_ERROR_ARGUMENT, "background");
  draw = good;
  views[1].struct_size = 1;
  EXPECT(visavis_engine_draw(engine, &draw), VISAVIS_ERROR_STRUCT_SIZE, "struct_size");
  views[1].struct_size = sizeof views[1];
  views[1].view_from_world[3] = 0.5f;
  EXPECT(visavis_engine_draw(engine, &draw), VISAVIS_ERROR_POSE, "row by row");
  views[1].view_from_world[3] = 0.0f;
  views[0].clip_from_view[5] = INFINITY;
  EXPECT(visavis_engine_draw(engine, &draw), VISAVIS_ERROR_POSE, "finite");
  EXPECT(visavis_view_look_at(eye, target, 0.4f, 1.0f, 0.1f, &views[0]), VISAVIS_OK, "");

  cast[1] = instance; /* the same one three times */
  draw.instance_count = 3;
  EXPECT(visavis_engine_draw(engine, &draw), VISAVIS_OK, "");
  draw.instance_count = 0; draw.instances = NULL;
  EXPECT(visavis_engine_draw(engine, &draw), VISAVIS_OK, "");
  EXPECT(visavis_engine_draw(engine, &good), VISAVIS_OK, "");
}

static void reads(VisavisEngine *engine) {
  const size_t row = SIZE * 4;
  EXPECT(visavis_engine_read(NULL, 0, VISAVIS_PLANE_DEPTH32F, pixels, sizeof pixels, 0), VISAVIS_ERROR_ARGUMENT, "engine");
  EXPECT(visavis_engine_read(engine, 0, VISAVIS_PLANE_DEPTH32F, NULL, sizeof pixels, 0), VISAVIS_ERROR_ARGUMENT, "pixels");
  EXPECT(visavis_engine_read(engine, 0, 77, pixels, sizeof pixels, 0), VISAVIS_ERROR_ARGUMENT, "plane");
  EXPECT(visavis_engine_read(engine, 2, VISAVIS_PLANE_DEPTH32F, pixels, sizeof pixels, 0), VISAVIS_ERROR_NOTHING_DRAWN, "2 views");
  EXPECT(visavis_engine_read(engine, 0, VISAVIS_PLANE_DEPTH32F, pixels, row * SIZE - 1, 0), VISAVIS_ERROR_TOO_SMALL, "bytes");
  EXPECT(visavis_engine_read(engine, 0, VISAVIS_PLANE_DEPTH32F, pixels, sizeof pixels, row - 1), VISAVIS_ERROR_TOO_SMALL, "row");
  EXPECT(visavis_engine_read(engine, 0, VISAVIS_PLANE_DEPTH32F, pixels, sizeof pixels, (size_t)-1), VISAVIS_ERROR_TOO_SMALL, "");
  EXPECT(visavis_engine_read(engine, 0, VISAVIS_PLANE_DEPTH32F, pixels, (size_t)-1, 0), VISAVIS_ERROR_ARGUMENT, "pixels_size");
  EXPECT(visavis_engine_read(engine, 1, VISAVIS_PLANE_RGBA16F, pixels, sizeof pixels, 0), VISAVIS_OK, "");

  /* Colour and depth say the same: a person in the middle, nothing in the corners. */
  EXPECT(visavis_engine_read(engine, 0, VISAVIS_PLANE_RGBA8_SRGB, pixels, row * SIZE, 0), VISAVIS_OK, "");
  const size_t middle = (SIZE / 2 * SIZE + SIZE / 2) * 4;
  TRUE(pixels[3] == 0 && pixels[middle + 3] == 255);
  EXPECT(visavis_engine_read(engine, 0, VISAVIS_PLANE_DEPTH32F, pixels, row * SIZE, 0), VISAVIS_OK, "");
  float corner, centre;
  memcpy(&corner, pixels, sizeof corner);
  memcpy(&centre, pixels + middle, sizeof centre);
  TRUE(corner == 0.0f && centre > 0.1f / 1.2f && centre < 0.1f / 0.8f);

  /* Rows with gaps: what lies between them stays, and so does what lies behind the last. */
  memset(pixels, 0xab, sizeof pixels);
  EXPECT(visavis_engine_read(engine, 0, VISAVIS_PLANE_RGBA8_SRGB, pixels, (row + 4) * (SIZE - 1) + row, row + 4), VISAVIS_OK, "");
  TRUE(pixels[row] == 0xab && pixels[row + 3] == 0xab && pixels[row + 4 + 3] == 0);
  TRUE(pixels[(row + 4) * (SIZE - 1) + row] == 0xab);
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  TRUE(visavis_abi_version() == VISAVIS_ABI_VERSION && visavis_version()[0] != '\0');
  TRUE(visavis_last_error()[0] == '\0');
  size_t size = 0;
  uint8_t *bytes = read_file(argv[1], &size);
  VisavisEngine *engine = engines();
  VisavisAvatar *avatar = avatars(engine, bytes, size);
  VisavisInstance *instance = instances(avatar);
  draws(engine, instance);
  reads(engine);

  /* An instance of one engine isn't another's. */
  VisavisEngine *other = NULL;
  VisavisEngineOptions options = { .struct_size = sizeof options, .adapter = VISAVIS_ADAPTER_SOFTWARE };
  EXPECT(visavis_engine_create(&options, &other), VISAVIS_OK, "");
  VisavisView view = { .struct_size = sizeof view };
  const float eye[3] = { 0.0f, 0.0f, -1.0f }, target[3] = { 0.0f, 0.0f, 0.0f };
  EXPECT(visavis_view_look_at(eye, target, 0.4f, 1.0f, 0.1f, &view), VISAVIS_OK, "");
  const VisavisInstance *cast[1] = { instance };
  VisavisDraw draw = { .struct_size = sizeof draw, .width = 8, .height = 8, .view_count = 1, .instance_count = 1,
                       .views = &view, .instances = cast };
  EXPECT(visavis_engine_draw(other, &draw), VISAVIS_ERROR_ARGUMENT, "another engine");
  visavis_engine_destroy(other);

  /* In the order that seems wrong. */
  visavis_engine_destroy(engine);
  visavis_avatar_destroy(avatar);
  VisavisLatent latent = { .struct_size = sizeof latent };
  EXPECT(visavis_instance_set_latent(instance, &latent), VISAVIS_OK, "");
  visavis_instance_destroy(instance);
  free(bytes);

  printf("%d of %d checks passed\n", checks - failures, checks);
  return failures == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
