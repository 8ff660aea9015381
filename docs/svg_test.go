// Package docs_test draws the pictures and fills in the figures of audio.md. Both
// are measured: the code plays something, and what comes out is drawn. The tests
// draw anew and compare with what is committed; with -update they write it.
package docs_test

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
)

// style is that of all pictures, by day and by night.
const style = `
text{font:12px system-ui,"Segoe UI",Helvetica,Arial,sans-serif;fill:#1f2328}
.paper{fill:#ffffff}.small{font-size:11px;fill:#59636e}.head{font-weight:600;font-size:13px}
.box{fill:#f6f8fa;stroke:#818b98}.soft{fill:#ddf4ff;stroke:#54aeff}.warm{fill:#fff1e5;stroke:#fb8f44}
.frame{fill:none;stroke:#818b98}.grid{fill:none;stroke:#d1d9e0;stroke-width:.7}.rule{fill:none;stroke:#818b98;stroke-dasharray:4 3}
.line{fill:none;stroke-width:1.7;stroke-linejoin:round}.thin{stroke-width:1}.dash{stroke-dasharray:5 3}
.c0{stroke:#0969da}.c1{stroke:#cf222e}.c2{stroke:#1a7f37}.c3{stroke:#9a6700}.c4{stroke:#8250df}.c5{stroke:#59636e}
.arrow{fill:#59636e;stroke:none}.way{fill:none;stroke:#59636e;stroke-width:1.4}
@media (prefers-color-scheme:dark){
text{fill:#e6edf3}.paper{fill:#0d1117}.small{fill:#9198a1}
.box{fill:#161b22;stroke:#656c76}.soft{fill:#0c2d6b;stroke:#388bfd}.warm{fill:#3d1300;stroke:#bd561d}
.frame{stroke:#656c76}.grid{stroke:#2b3138}.rule{stroke:#656c76}
.c0{stroke:#4493f8}.c1{stroke:#f85149}.c2{stroke:#3fb950}.c3{stroke:#d29922}.c4{stroke:#ab7df8}.c5{stroke:#9198a1}
.arrow{fill:#9198a1}.way{stroke:#9198a1}
}
`

// A picture is being drawn, in SVG. Places are in its own units from the upper left
// corner, and rounded to a tenth.
type picture struct {
	width, height int
	title         string // what it says to those who cannot see it
	body          strings.Builder
	clips         int
}

func newPicture(width, height int, title string) *picture {
	return &picture{width: width, height: height, title: title}
}

// String is the whole file.
func (p *picture) String() string {
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img">
<title>%s</title>
<style>%s</style>
<rect class="paper" width="%d" height="%d"/>
%s</svg>
`, p.width, p.height, p.width, p.height, html.EscapeString(p.title), style, p.width, p.height, p.body.String())
}

// tenth rounds a place.
func tenth(v float64) string {
	s := strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
	if s == "-0" {
		return "0"
	}
	return s
}

func (p *picture) add(format string, args ...any) { fmt.Fprintf(&p.body, format+"\n", args...) }

func (p *picture) rect(x, y, w, h float64, class string) {
	p.add(`<rect x="%s" y="%s" width="%s" height="%s" class="%s"/>`, tenth(x), tenth(y), tenth(w), tenth(h), class)
}

// text is set at its start, middle or end.
func (p *picture) text(x, y float64, anchor, class, s string) {
	p.add(`<text x="%s" y="%s" text-anchor="%s" class="%s">%s</text>`, tenth(x), tenth(y), anchor, class, html.EscapeString(s))
}

// upright is text from the bottom to the top.
func (p *picture) upright(x, y float64, class, s string) {
	p.add(`<text transform="translate(%s %s) rotate(-90)" text-anchor="middle" class="%s">%s</text>`, tenth(x), tenth(y), class, html.EscapeString(s))
}

func (p *picture) line(class string, points ...[2]float64) {
	var d strings.Builder
	for i, q := range points {
		if i > 0 {
			d.WriteByte(' ')
		}
		d.WriteString(tenth(q[0]) + "," + tenth(q[1]))
	}
	p.add(`<polyline class="%s" points="%s"/>`, class, d.String())
}

// arrow is a way from one place through others to the last.
func (p *picture) arrow(points ...[2]float64) {
	p.line("way", points...)
	a, b := points[len(points)-2], points[len(points)-1]
	l := math.Hypot(b[0]-a[0], b[1]-a[1])
	ux, uy := (b[0]-a[0])/l, (b[1]-a[1])/l
	p.add(`<polygon class="arrow" points="%s,%s %s,%s %s,%s"/>`, tenth(b[0]), tenth(b[1]),
		tenth(b[0]-8*ux-3.5*uy), tenth(b[1]-8*uy+3.5*ux), tenth(b[0]-8*ux+3.5*uy), tenth(b[1]-8*uy-3.5*ux))
}

// box is a rectangle with lines of text in its middle, the first of them larger.
func (p *picture) box(x, y, w, h float64, class string, lines ...string) {
	p.add(`<rect x="%s" y="%s" width="%s" height="%s" rx="5" class="%s"/>`, tenth(x), tenth(y), tenth(w), tenth(h), class)
	at := y + h/2 + 4 - 7.5*float64(len(lines)-1)
	for i, s := range lines {
		style := "small"
		if i == 0 {
			style = ""
		}
		p.text(x+w/2, at+15*float64(i), "middle", style, s)
	}
}

// An axis is one side of a plot.
type axis struct {
	from, to float64
	log      bool
	ticks    []float64
	label    string
	name     func(float64) string // nil writes the number
}

// share is where v lies between the ends of the axis.
func (a axis) share(v float64) float64 {
	if a.log {
		return math.Log(v/a.from) / math.Log(a.to/a.from)
	}
	return (v - a.from) / (a.to - a.from)
}

func (a axis) says(v float64) string {
	if a.name != nil {
		return a.name(v)
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// A plot is a rectangle of a picture with axes.
type plot struct {
	*picture
	x, y, w, h float64
	ax, ay     axis
	clip       string
}

// plot draws the axes and returns where curves can be drawn.
func (p *picture) plot(x, y, w, h float64, title string, ax, ay axis) *plot {
	q := &plot{picture: p, x: x, y: y, w: w, h: h, ax: ax, ay: ay, clip: fmt.Sprintf("k%d", p.clips)}
	p.clips++
	p.add(`<clipPath id="%s"><rect x="%s" y="%s" width="%s" height="%s"/></clipPath>`, q.clip, tenth(x), tenth(y), tenth(w), tenth(h))
	for _, v := range ax.ticks {
		at := q.place(v, ay.from)
		p.line("grid", [2]float64{at[0], y}, [2]float64{at[0], y + h})
		p.text(at[0], y+h+16, "middle", "small", ax.says(v))
	}
	for _, v := range ay.ticks {
		at := q.place(ax.from, v)
		p.line("grid", [2]float64{x, at[1]}, [2]float64{x + w, at[1]})
		p.text(x-6, at[1]+4, "end", "small", ay.says(v))
	}
	p.rect(x, y, w, h, "frame")
	p.text(x, y-9, "start", "head", title)
	if ax.label != "" {
		p.text(x+w/2, y+h+33, "middle", "small", ax.label)
	}
	if ay.label != "" {
		p.upright(x-40, y+h/2, "small", ay.label)
	}
	return q
}

func (q *plot) place(x, y float64) [2]float64 {
	return [2]float64{q.x + q.w*q.ax.share(x), q.y + q.h*(1-q.ay.share(y))}
}

// curve draws a line through (x, y); it breaks where y is no number, and what is far
// outside is drawn just outside.
func (q *plot) curve(class string, xs, ys []float64) {
	var points [][2]float64
	end := func() {
		if len(points) > 1 {
			q.add(`<g clip-path="url(#%s)">`, q.clip)
			q.line("line "+class, points...)
			q.add(`</g>`)
		}
		points = nil
	}
	for i, x := range xs {
		if math.IsNaN(ys[i]) {
			end()
			continue
		}
		at := q.place(x, ys[i])
		at[1] = min(max(at[1], q.y-20), q.y+q.h+20)
		points = append(points, at)
	}
	end()
}

// rule is a straight line over the whole plot, at an x or at a y.
func (q *plot) rule(x, y float64) {
	if !math.IsNaN(x) {
		at := q.place(x, q.ay.from)
		q.line("rule", [2]float64{at[0], q.y}, [2]float64{at[0], q.y + q.h})
		return
	}
	at := q.place(q.ax.from, y)
	q.line("rule", [2]float64{q.x, at[1]}, [2]float64{q.x + q.w, at[1]})
}

// legend names curves, one below the other from (x, y) on.
func (p *picture) legend(x, y float64, entries ...[2]string) {
	for i, e := range entries {
		at := y + 17*float64(i)
		p.line("line "+e[0], [2]float64{x, at}, [2]float64{x + 20, at})
		p.text(x+26, at+4, "start", "", e[1])
	}
}

// hertz is the axis of what people hear.
func hertz() axis {
	return axis{from: 20, to: 20000, log: true, ticks: []float64{20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000}, label: "Hz", name: short}
}

func short(v float64) string {
	if v >= 1000 {
		return strconv.FormatFloat(v/1000, 'g', -1, 64) + "k"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

// between gives ticks from one number to another.
func between(from, to, step float64) (ticks []float64) {
	for i := 0; from+float64(i)*step <= to+step/1e6; i++ {
		ticks = append(ticks, math.Round((from+float64(i)*step)*1e6)/1e6)
	}
	return ticks
}

// spaced gives n numbers from one to another, each as many times the one before.
func spaced(from, to float64, n int) (v []float64) {
	for i := range n {
		v = append(v, from*math.Pow(to/from, float64(i)/float64(n-1)))
	}
	return v
}
