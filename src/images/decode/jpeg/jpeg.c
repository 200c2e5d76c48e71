/* One JPEG to rows of pixels, over libjpeg's own interface, as Pillow's ImagingJpegDecode has it:
 *
 * - a file that ends before its last row is complete is truncated, however little is missing; left alone, libjpeg
 *   would make the rest grey;
 * - warnings are ignored, errors are the end;
 * - nothing after the last row is looked at.
 *
 * Of the rows and columns that nobody asks for only the entropy code is decoded: a file that lacks them is truncated
 * too.
 */

#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

enum { DONE = 0, TRUNCATED = 1, BROKEN = 2, TOO_MANY_SCANS = 3 };

/* A photograph has about ten. Each costs a pass over the whole image, however small it is in the file. */
static const int MAX_SCANS = 1000;

/* Columns that smoothing may look at, on either side: it guesses coefficients that a progressive file does not have
 * from two blocks each way, and a block of a subsampled component is up to four times as wide. */
enum { SMOOTHING = 3 * DCTSIZE * 4 };

typedef struct {
    struct jpeg_error_mgr manager; /* first: libjpeg hands back its address */
    jmp_buf escape;
    int status;
} errors;

/* What is wanted of the image: rows and columns from `first` to before `end`. As `Window` in mod.rs. */
typedef struct {
    unsigned first_row, end_row, first_column, end_column;
} window;

static void give_up(j_common_ptr info, int status) {
    errors *err = (errors *)info->err;
    err->status = status;
    longjmp(err->escape, 1);
}

static void refuse(j_common_ptr info) { give_up(info, BROKEN); }

static boolean end_of_file(j_decompress_ptr jpeg) {
    give_up((j_common_ptr)jpeg, TRUNCATED);
    return FALSE;
}

static void say_nothing(j_common_ptr info) { (void)info; }

static void count_scans(j_common_ptr info) {
    j_decompress_ptr jpeg = (j_decompress_ptr)info;
    if (jpeg->input_scan_number > MAX_SCANS) {
        give_up(info, TOO_MANY_SCANS);
    }
}

enum { AS_MARKED = 0, FROM_YCBCR = 1, AS_STORED = 2 };

static void choose_colours(j_decompress_ptr jpeg, int components, int colours) {
    if (colours == AS_STORED) {
        jpeg->jpeg_color_space = JCS_UNKNOWN;
        jpeg->out_color_space = JCS_UNKNOWN;
        return;
    }
    if (colours == FROM_YCBCR) {
        jpeg->jpeg_color_space = JCS_YCbCr;
    }
    jpeg->out_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
}

/* What libtiff's JPEGPreDecode asks of a strip: as many components as samples, none subsampled but colour
 * differences. */
static int fits_strip(j_decompress_ptr jpeg, int components, int colours) {
    if (jpeg->num_components != components) {
        return 0;
    }
    for (int i = colours == FROM_YCBCR ? 1 : 0; i < components; i++) {
        if (jpeg->comp_info[i].h_samp_factor != 1 || jpeg->comp_info[i].v_samp_factor != 1) {
            return 0;
        }
    }
    return 1;
}

static void start(j_decompress_ptr jpeg, const unsigned char *data, size_t length,
                  struct jpeg_progress_mgr *progress) {
    jpeg_create_decompress(jpeg);
    progress->progress_monitor = count_scans;
    jpeg->progress = progress;
    jpeg_mem_src(jpeg, data, length);
    jpeg->src->fill_input_buffer = end_of_file;
}

/* Columns that a pixel's colour may come from, on either side: upsampling looks at one neighbour. */
static unsigned reach(j_decompress_ptr jpeg) { return 2 * (unsigned)jpeg->max_h_samp_factor; }

/* Leaves out columns that are not wanted, and returns the first one that is left. Lossless JPEG has all of them: there
 * a pixel is made of its neighbours. */
static unsigned crop_columns(j_decompress_ptr jpeg, const window *wanted) {
    unsigned margin = jpeg->progressive_mode ? SMOOTHING : 0;
    JDIMENSION first = wanted->first_column, end = wanted->end_column, width;
    margin += reach(jpeg);
    first = first > margin ? first - margin : 0;
    end = jpeg->output_width - end > margin ? end + margin : jpeg->output_width;
    width = end - first;
    if (jpeg->min_DCT_scaled_size != DCTSIZE || width >= jpeg->output_width) {
        return 0;
    }
    jpeg_crop_scanline(jpeg, &first, &width);
    return first;
}

static void skip_to_row(j_decompress_ptr jpeg, unsigned row) {
    if (jpeg->min_DCT_scaled_size == DCTSIZE && row > jpeg->output_scanline) {
        jpeg_skip_scanlines(jpeg, row - jpeg->output_scanline);
    }
}

/* Rows up to before `end`. */
static void read_rows(j_decompress_ptr jpeg, unsigned end, size_t stride, unsigned char *rows) {
    while (jpeg->output_scanline < end) {
        JSAMPROW line = rows + jpeg->output_scanline * stride;
        if (jpeg_read_scanlines(jpeg, &line, 1) != 1) {
            refuse((j_common_ptr)jpeg);
        }
    }
}

static void read_window(j_decompress_ptr jpeg, const window *wanted, unsigned height, size_t stride,
                        unsigned char *rows) {
    rows += crop_columns(jpeg, wanted) * (size_t)jpeg->output_components;
    skip_to_row(jpeg, wanted->first_row);
    read_rows(jpeg, wanted->end_row, stride, rows);
    /* Were the last row skipped too, nobody would see whether the file has it. */
    skip_to_row(jpeg, height - 1);
    read_rows(jpeg, height, stride, rows);
}

static void read_image(j_decompress_ptr jpeg, unsigned width, unsigned height, int components, int colours,
                       const window *wanted, unsigned char *rows) {
    const size_t stride = (size_t)width * (size_t)components;
    while (jpeg_read_header(jpeg, FALSE) == JPEG_HEADER_TABLES_ONLY) {
    }
    if (colours != AS_MARKED) {
        if (!fits_strip(jpeg, components, colours)) {
            refuse((j_common_ptr)jpeg);
        }
        /* A strip of a TIFF may have more or fewer rows than it should. */
        height = jpeg->image_height < height ? jpeg->image_height : height;
    }
    choose_colours(jpeg, components, colours);
    jpeg_start_decompress(jpeg);
    if (jpeg->output_width > width || (size_t)jpeg->output_components * jpeg->output_width > stride) {
        refuse((j_common_ptr)jpeg);
    }
    if (wanted != NULL && jpeg->output_width == width && jpeg->output_height == height) {
        read_window(jpeg, wanted, height, stride, rows);
    } else {
        read_rows(jpeg, height, stride, rows);
    }
}

/* Writes `height` rows of `width` pixels of `components` bytes (1 grey, 3 RGB, 4 CMYK as stored) to `rows`, all of
 * which must be zero. Of pixels outside of `wanted`, where it is given, the values are of no use. Returns DONE, or why
 * not; `rows` is then of no use. */
int featx_jpeg_decode(const unsigned char *data, size_t length, unsigned width, unsigned height, int components,
                      int colours, const window *wanted, unsigned char *rows) {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_progress_mgr progress;
    errors err;

    memset(&jpeg, 0, sizeof jpeg);
    memset(&progress, 0, sizeof progress);
    jpeg.err = jpeg_std_error(&err.manager);
    err.manager.error_exit = refuse;
    err.manager.output_message = say_nothing;
    err.status = DONE;
    if (setjmp(err.escape) == 0) {
        start(&jpeg, data, length, &progress);
        read_image(&jpeg, width, height, components, colours, wanted, rows);
    }
    jpeg_destroy_decompress(&jpeg);
    return err.status;
}
