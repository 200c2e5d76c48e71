/* One JPEG to rows of pixels, over libjpeg's own interface: what to do with a damaged file is decided there, and
 * featx has to decide as Pillow does. Follows Pillow's ImagingJpegDecode and the loop around it in ImageFile.load:
 *
 * - the data is handed over in blocks of 64 KiB, and libjpeg suspends where it needs the next one. Where no further
 *   block comes the file is truncated, however little is missing;
 * - warnings are nothing, errors are the end;
 * - once the last row is out, a missing or late end marker is forgiven, but an error in what follows within the
 *   blocks handed over so far is not.
 *
 * Of the rows and columns that nobody asks for only the entropy code is decoded: the verdict on the file is that on the
 * whole of it.
 */

#include <setjmp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <jpeglib.h>

enum { DONE = 0, TRUNCATED = 1, BROKEN = 2, TOO_MANY_SCANS = 3 };

/* ImageFile.MAXBLOCK */
static const size_t BLOCK = 65536;

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

typedef struct {
    struct jpeg_source_mgr manager; /* first: libjpeg hands back its address */
    const unsigned char *start;     /* of the file */
    size_t unseen;                  /* bytes of the file that libjpeg has not been handed */
    size_t skip;                    /* bytes still to be skipped once they are handed over */
} source;

static void give_up(j_common_ptr info) {
    errors *err = (errors *)info->err;
    err->status = BROKEN;
    longjmp(err->escape, 1);
}

static void say_nothing(j_common_ptr info) { (void)info; }

static void count_scans(j_common_ptr info) {
    j_decompress_ptr jpeg = (j_decompress_ptr)info;
    if (jpeg->input_scan_number > MAX_SCANS) {
        errors *err = (errors *)info->err;
        err->status = TOO_MANY_SCANS;
        longjmp(err->escape, 1);
    }
}

static void nothing_to_do(j_decompress_ptr jpeg) { (void)jpeg; }

static boolean suspend(j_decompress_ptr jpeg) {
    (void)jpeg;
    return FALSE;
}

static void skip_bytes(j_decompress_ptr jpeg, long wanted) {
    source *src = (source *)jpeg->src;
    size_t count = wanted > 0 ? (size_t)wanted : 0;
    size_t here = src->manager.bytes_in_buffer < count ? src->manager.bytes_in_buffer : count;
    src->manager.next_input_byte += here;
    src->manager.bytes_in_buffer -= here;
    src->skip = count - here;
}

/* Hands over the next block. 0 where there is none. */
static int next_block(j_decompress_ptr jpeg) {
    source *src = (source *)jpeg->src;
    do {
        size_t block = src->unseen < BLOCK ? src->unseen : BLOCK;
        if (block == 0) {
            return 0;
        }
        src->manager.bytes_in_buffer += block;
        src->unseen -= block;
        skip_bytes(jpeg, (long)src->skip);
    } while (src->skip > 0);
    return 1;
}

static boolean read_header(j_decompress_ptr jpeg) {
    int found;
    do {
        found = jpeg_read_header(jpeg, FALSE);
    } while (found == JPEG_HEADER_TABLES_ONLY);
    return found != JPEG_SUSPENDED;
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

static void start(j_decompress_ptr jpeg, source *src, struct jpeg_progress_mgr *progress) {
    jpeg_create_decompress(jpeg);
    progress->progress_monitor = count_scans;
    jpeg->progress = progress;
    src->manager.init_source = nothing_to_do;
    src->manager.fill_input_buffer = suspend;
    src->manager.skip_input_data = skip_bytes;
    src->manager.resync_to_restart = jpeg_resync_to_restart;
    src->manager.term_source = nothing_to_do;
    jpeg->src = &src->manager;
}

/* Until `step` no longer suspends; the function around it ends where the file does. */
#define UNTIL(step)               \
    while (!(step)) {             \
        if (!next_block(jpeg)) {  \
            return TRUNCATED;     \
        }                         \
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

/* Skips to a row. libjpeg's function for it cannot suspend, so it has the whole file: where that ends too early, the
 * next row cannot be read. */
static void skip_rows(j_decompress_ptr jpeg, unsigned row) {
    source *src = (source *)jpeg->src;
    if (jpeg->min_DCT_scaled_size == DCTSIZE && row > jpeg->output_scanline) {
        src->manager.bytes_in_buffer += src->unseen;
        src->unseen = 0;
        jpeg_skip_scanlines(jpeg, row - jpeg->output_scanline);
    }
}

/* Takes back the blocks that decoding did not come to. */
static void forget_unread_blocks(source *src) {
    size_t read = (size_t)(src->manager.next_input_byte - src->start);
    size_t left_in_block = (BLOCK - read % BLOCK) % BLOCK;
    if (src->manager.bytes_in_buffer > left_in_block) {
        src->unseen += src->manager.bytes_in_buffer - left_in_block;
        src->manager.bytes_in_buffer = left_in_block;
    }
}

/* Rows up to before `end`, or as many as come without being asked for. */
static int read_rows(j_decompress_ptr jpeg, unsigned end, size_t stride, unsigned char *rows) {
    while (jpeg->output_scanline < end) {
        JSAMPROW line = rows + jpeg->output_scanline * stride;
        UNTIL(jpeg_read_scanlines(jpeg, &line, 1) == 1)
    }
    return DONE;
}

static int read_window(j_decompress_ptr jpeg, const window *wanted, unsigned height, size_t stride,
                       unsigned char *rows) {
    const unsigned first_column = crop_columns(jpeg, wanted);
    int status;
    rows += first_column * (size_t)jpeg->output_components;
    skip_rows(jpeg, wanted->first_row);
    status = read_rows(jpeg, wanted->end_row, stride, rows);
    if (status == DONE) {
        /* Were the last row skipped too, nobody would see whether the file has it. */
        skip_rows(jpeg, height - 1);
        status = read_rows(jpeg, height, stride, rows);
    }
    forget_unread_blocks((source *)jpeg->src);
    return status;
}

static int read_image(j_decompress_ptr jpeg, unsigned width, unsigned height, int components, int colours,
                      const window *wanted, unsigned char *rows) {
    const size_t stride = (size_t)width * (size_t)components;
    int status;
    next_block(jpeg);
    UNTIL(read_header(jpeg))
    if (colours != AS_MARKED) {
        /* A strip of a TIFF may have more or fewer rows than it should. */
        if (!fits_strip(jpeg, components, colours)) {
            return BROKEN;
        }
        height = jpeg->image_height < height ? jpeg->image_height : height;
    }
    choose_colours(jpeg, components, colours);
    UNTIL(jpeg_start_decompress(jpeg))
    if (jpeg->output_width > width || (size_t)jpeg->output_components * jpeg->output_width > stride) {
        return BROKEN;
    }
    status = wanted != NULL && jpeg->output_width == width && jpeg->output_height == height
                 ? read_window(jpeg, wanted, height, stride, rows)
                 : read_rows(jpeg, height, stride, rows);
    if (status == DONE && (colours == AS_MARKED || jpeg->output_scanline == jpeg->output_height)) {
        jpeg_finish_decompress(jpeg);
    }
    return status;
}

/* Writes `height` rows of `width` pixels of `components` bytes (1 grey, 3 RGB, 4 CMYK as stored) to `rows`, all of
 * which must be zero. Of pixels outside of `wanted`, where it is given, the values are of no use. Returns DONE, or why
 * not; `rows` is then of no use. */
int featx_jpeg_decode(const unsigned char *data, size_t length, unsigned width, unsigned height, int components,
                      int colours, const window *wanted, unsigned char *rows) {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_progress_mgr progress;
    errors err;
    source src;

    memset(&jpeg, 0, sizeof jpeg);
    memset(&progress, 0, sizeof progress);
    memset(&src, 0, sizeof src);
    src.start = data;
    src.manager.next_input_byte = data;
    src.unseen = length;
    jpeg.err = jpeg_std_error(&err.manager);
    err.manager.error_exit = give_up;
    err.manager.output_message = say_nothing;
    err.status = DONE;
    if (setjmp(err.escape) == 0) {
        start(&jpeg, &src, &progress);
        err.status = read_image(&jpeg, width, height, components, colours, wanted, rows);
    }
    jpeg_destroy_decompress(&jpeg);
    return err.status;
}
