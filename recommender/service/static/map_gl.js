/* The map's points by WebGL: all of them are on the graphics side, a frame is told where the window is. */

const MOST_CLASSES = 16;
const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;
const VERTEX = `#version 300 es
  in vec2 place;
  in float number;
  uniform vec2 middle;
  uniform vec2 reach;
  uniform float size;
  uniform int only;
  uniform vec3 shades[${MOST_CLASSES}];
  out vec4 shade;
  out float edge;
  void main() {
    int k = int(number + 0.5);
    gl_Position = vec4((place - middle) * reach, 0.0, 1.0);
    gl_PointSize = only == k ? 1.6 * size : size;
    edge = 2.0 / gl_PointSize;
    shade = vec4(shades[k], only >= 0 && only != k ? 0.1 : 0.9);
  }`;
const FRAGMENT = `#version 300 es
  precision mediump float;
  in vec4 shade;
  in float edge;
  out vec4 colour;
  void main() {
    float inside = clamp((1.0 - 2.0 * distance(gl_PointCoord, vec2(0.5))) / edge + 0.5, 0.0, 1.0);
    if (inside <= 0.0) discard;
    colour = vec4(shade.rgb, 1.0) * (shade.a * inside);
  }`;

/** Paints by WebGL; `GlPainter.made` is null where there is none, or one in software. */
export class GlPainter {
  static made(canvas, view) {
    const gl = canvas.getContext("webgl2", { antialias: false, depth: false, failIfMajorPerformanceCaveat: true });
    const program = gl && !inSoftware(gl) && linked(gl);
    return program ? new GlPainter(canvas, view, gl, program) : null;
  }

  constructor(canvas, view, gl, program) {
    Object.assign(this, { canvas, view, gl, kind: "webgl", classes: null });
    this.where = Object.fromEntries(["middle", "reach", "size", "only", "shades"].map((name) => [name, gl.getUniformLocation(program, name)]));
    gl.useProgram(program);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    const places = new Float32Array(2 * view.count);
    for (let i = 0; i < view.count; i += 1) places.set([view.xs[i], view.ys[i]], 2 * i);
    this.attribute(program, "place", 2, gl.FLOAT, places);
    this.kinds = this.attribute(program, "number", 1, gl.UNSIGNED_BYTE, new Uint8Array(view.count));
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
  }

  attribute(program, name, size, type, values) {
    const { gl } = this;
    const buffer = gl.createBuffer();
    const at = gl.getAttribLocation(program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(at);
    gl.vertexAttribPointer(at, size, type, false, 0, 0);
    return buffer;
  }

  /** Colour by classes; `shades` are their colours, each as red, green, blue in 0..255. */
  colour(classes, shades) {
    const { gl } = this;
    const flat = new Float32Array(3 * MOST_CLASSES);
    flat.set(shades.flat().map((part) => part / 255));
    gl.uniform3fv(this.where.shades, flat);
    if (classes === this.classes) return;
    this.classes = classes;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.kinds);
    gl.bufferData(gl.ARRAY_BUFFER, classes.of, gl.STATIC_DRAW);
    gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, classes.order, gl.STATIC_DRAW);
  }

  paint(radius, only, ratio) {
    const { gl, view, canvas, where, classes } = this;
    const [wide, high] = view.reach;
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform2f(where.middle, view.x, view.y);
    gl.uniform2f(where.reach, (2 * wide) / view.width, (2 * high) / view.height);
    gl.uniform1f(where.size, 2 * radius * ratio);
    gl.uniform1i(where.only, only ?? -1);
    for (const k of classes.drawn(only)) gl.drawElements(gl.POINTS, classes.size(k), gl.UNSIGNED_INT, 4 * classes.starts[k]);
  }
}

/** Whether it is drawn on the processors, which takes them several times what writing pixels by hand does. */
function inSoftware(gl) {
  const told = gl.getExtension("WEBGL_debug_renderer_info");
  return SOFTWARE.test(gl.getParameter(told ? told.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
}

function linked(gl) {
  const program = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  return gl.getProgramParameter(program, gl.LINK_STATUS) ? program : null;
}
