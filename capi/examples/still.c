/* Loads an avatar, lets it smile, and writes a picture (PPM). From the workspace's root:
 *
 *   cargo build -p visavis-capi
 *   cc -std=c11 -Icapi/include capi/examples/still.c -Ltarget/debug -lvisavis_capi -Wl,-rpath,target/debug -o still
 *   ./still assets/avatars/wren.avatar still.ppm 1
 */
#include <stdio.h>
#include <stdlib.h>
#include "visavis.h"

enum { SIZE = 384 };

/* Ends the program if a call failed; a real host would go on without the avatar. */
static void check(VisavisStatus status) {
  if (status != VISAVIS_OK) {
    fprintf(stderr, "still: %s (%d)\n", visavis_last_error(), (int)status);
    exit(EXIT_FAILURE);
  }
}

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

int main(int argc, char **argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: still NAME.avatar OUT.ppm [SMILE 0..1]\n");
    return 2;
  }
  float smile = argc > 3 ? (float)atof(argv[3]) : 1.0f;
  if (visavis_abi_version() != VISAVIS_ABI_VERSION) {
    fprintf(stderr, "still: the library is %s, of another interface than its header\n", visavis_version());
    return EXIT_FAILURE;
  }

  /* Once: a device, a person, one of them in the room. */
  VisavisEngine *engine = NULL;
  VisavisAvatar *avatar = NULL;
  VisavisInstance *speaker = NULL;
  VisavisEngineOptions options = { .struct_size = sizeof options, .threads = 2 };
  check(visavis_engine_create(&options, &engine));
  size_t size = 0;
  uint8_t *bytes = read_file(argv[1], &size);
  check(visavis_avatar_load(engine, bytes, size, &avatar));
  free(bytes);
  check(visavis_instance_create(avatar, &speaker));

  /* Each frame: a face, cameras, a draw. */
  VisavisLatent face = { .struct_size = sizeof face };
  face.units[visavis_face_unit("mouthSmileLeft")] = 0.8f * smile;
  face.units[visavis_face_unit("mouthSmileRight")] = 0.8f * smile;
  face.units[visavis_face_unit("cheekSquintLeft")] = 0.5f * smile;
  face.units[visavis_face_unit("cheekSquintRight")] = 0.5f * smile;
  check(visavis_instance_set_latent(speaker, &face));

  VisavisView view = { .struct_size = sizeof view };
  const float eye[3] = { 0.15f, 0.02f, -1.0f }, target[3] = { 0.0f, -0.03f, 0.05f };
  check(visavis_view_look_at(eye, target, 0.42f, 1.0f, 0.05f, &view));
  const VisavisInstance *instances[] = { speaker };
  VisavisDraw draw = {
    .struct_size = sizeof draw, .width = SIZE, .height = SIZE, .view_count = 1, .instance_count = 1,
    .background = { 0.18f, 0.19f, 0.21f, 1.0f }, .views = &view, .instances = instances,
  };
  check(visavis_engine_draw(engine, &draw));

  /* A host that composites itself leaves the background transparent and reads VISAVIS_PLANE_DEPTH32F too. */
  static uint8_t rgba[SIZE * SIZE * 4];
  check(visavis_engine_read(engine, 0, VISAVIS_PLANE_RGBA8_SRGB, rgba, sizeof rgba, 0));

  FILE *out = fopen(argv[2], "wb");
  if (out == NULL) { perror(argv[2]); return EXIT_FAILURE; }
  fprintf(out, "P6\n%d %d\n255\n", SIZE, SIZE);
  for (size_t pixel = 0; pixel < (size_t)SIZE * SIZE; pixel++) fwrite(rgba + 4 * pixel, 1, 3, out);
  int written = !ferror(out) & (fclose(out) == 0);

  visavis_instance_destroy(speaker);
  visavis_avatar_destroy(avatar);
  visavis_engine_destroy(engine);
  return written ? EXIT_SUCCESS : EXIT_FAILURE;
}
