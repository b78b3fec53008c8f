/* global d3, topojson, uPlot */
// The page's own program: draws what `/events` sends. Plain JavaScript, as the browser runs it.

const byId = id => document.getElementById(id)
const number = new Intl.NumberFormat('en-US')
const minutes = value => `${value < 0 ? '−' : ''}${Math.abs(value).toFixed(1)} min`
const svg = (name, attributes = {}) => {
  const element = document.createElementNS('http://www.w3.org/2000/svg', name)
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value)
  return element
}

/** Blue below 0 minutes, over amber, to red from 20 minutes. */
function delayColour(mean) {
  const share = Math.min(1, Math.max(0, mean / 20))
  const [from, to, weight] = share < 0.5 ? ['early', 'middle', share * 2] : ['middle', 'late', share * 2 - 1]
  return `color-mix(in oklab, var(--${to}) ${Math.round(weight * 100)}%, var(--${from}))`
}

// ── map ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const projection = d3.geoAlbersUsa().scale(1280).translate([487.5, 305])
const path = d3.geoPath(projection)
const circles = new Map()
const airports = new Map()
const tip = byId('tip')

async function drawMap() {
  const us = await (await fetch('/us-10m.json')).json()
  const map = byId('map')
  map.append(svg('path', { class: 'land', d: path(topojson.feature(us, us.objects.states)) }))
  map.append(svg('path', { class: 'states', d: path(topojson.mesh(us, us.objects.states, (a, b) => a !== b)) }))
  map.append(svg('g', { id: 'circles' }))
}

function addAirport({ iata, name, city, state, latitude, longitude }) {
  const place = projection([longitude, latitude])
  airports.set(iata, { iata, name, city, state, flights: 0, delay: 0 })
  if (!place) return
  const circle = svg('circle', { cx: place[0].toFixed(1), cy: place[1].toFixed(1), r: 0, tabindex: -1 })
  const show = () => showTip(iata, place)
  circle.addEventListener('pointerenter', show)
  circle.addEventListener('focus', show)
  circle.addEventListener('pointerleave', () => (tip.hidden = true))
  circle.addEventListener('blur', () => (tip.hidden = true))
  circles.set(iata, circle)
}

function showTip(iata, [x, y]) {
  const airport = airports.get(iata)
  tip.replaceChildren(
    Object.assign(document.createElement('b'), { textContent: `${iata} · ${airport.name}` }),
    `${airport.city}, ${airport.state}: ${number.format(airport.flights)} departures, ${minutes(airport.delay / Math.max(1, airport.flights))} late on average`,
  )
  tip.hidden = false
  const map = byId('map').getBoundingClientRect()
  const card = tip.parentElement.getBoundingClientRect()
  const scale = map.width / 975
  const left = map.left - card.left + x * scale
  tip.style.left = `${Math.max(8, Math.min(left + 10, card.width - tip.offsetWidth - 8))}px`
  tip.style.top = `${map.top - card.top + y * scale + 12}px`
}

let busiest = 1
function updateAirports(changes) {
  for (const [iata, flights, delay] of changes) {
    const airport = airports.get(iata)
    if (!airport) continue
    airport.flights = flights
    airport.delay = delay
    busiest = Math.max(busiest, flights)
  }
  for (const [iata, circle] of circles) {
    const { flights, delay } = airports.get(iata)
    if (flights === 0) continue
    // Circles enter the map with their first flight, the largest below the others.
    if (!circle.isConnected) byId('circles').append(circle)
    circle.setAttribute('r', (1.5 + 26 * Math.sqrt(flights / busiest)).toFixed(1))
    circle.setAttribute('fill', delayColour(delay / flights))
  }
}

function sortCircles() {
  const order = [...circles]
    .filter(([, circle]) => circle.isConnected)
    .sort(([a], [b]) => airports.get(b).flights - airports.get(a).flights)
  byId('circles').replaceChildren(...order.map(([, circle]) => circle))
}

// ── routes ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

function updateRoutes(routes) {
  const most = routes[0]?.[1] ?? 1
  byId('routes').replaceChildren(
    ...routes.map(([route, flights, delay]) => {
      const [origin, destination] = route.split('-')
      const row = document.createElement('li')
      const bar = Object.assign(document.createElement('span'), { className: 'bar' })
      bar.style.width = `${(100 * flights) / most}%`
      const cell = (className, textContent, title = '') =>
        Object.assign(document.createElement('span'), { className, textContent, title })
      const city = code => airports.get(code)?.city ?? code
      row.append(
        bar,
        cell('route', `${origin} → ${destination}`, `${city(origin)} to ${city(destination)}`),
        cell('flights', number.format(flights)),
        cell('delay', minutes(delay / flights)),
      )
      return row
    }),
  )
}

// ── curve ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Hour (seconds since the epoch) → [flights, sum of delays]. */
const hours = new Map()
let chart

function style(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim()
}

function chartSize() {
  const width = byId('chart').clientWidth
  return { width, height: Math.max(200, Math.min(300, width * 0.3)) }
}

function makeChart() {
  chart?.destroy()
  const axis = { stroke: style('--soft'), grid: { stroke: style('--line'), width: 1 }, ticks: { stroke: style('--line') } }
  chart = new uPlot(
    {
      ...chartSize(),
      tzDate: seconds => uPlot.tzDate(new Date(seconds * 1000), 'UTC'),
      cursor: { y: false },
      // Single hours of the night reach two hours of delay: they may leave the picture, the day must fill it.
      scales: { y: { range: [-10, 60] } },
      axes: [axis, { ...axis, label: 'minutes late', labelSize: 18, size: 46 }],
      series: [
        {},
        {
          label: 'hour',
          stroke: style('--soft'),
          width: 0.6,
          alpha: 0.6,
          points: { show: false },
          value: (_, value) => (value == null ? '–' : minutes(value)),
        },
        {
          label: '24 hours',
          stroke: style('--late'),
          width: 2,
          points: { show: false },
          value: (_, value) => (value == null ? '–' : minutes(value)),
        },
      ],
    },
    curve(),
    byId('chart'),
  )
}

function curve() {
  const times = [...hours.keys()].sort((a, b) => a - b)
  const mean = []
  const daily = []
  let flights = 0
  let delay = 0
  let oldest = 0
  for (const time of times) {
    const [count, sum] = hours.get(time)
    flights += count
    delay += sum
    while (times[oldest] <= time - 86_400) {
      const [oldCount, oldSum] = hours.get(times[oldest++])
      flights -= oldCount
      delay -= oldSum
    }
    // A handful of flights in the small hours says nothing about delay.
    mean.push(count >= 20 ? sum / count : null)
    daily.push(flights >= 500 ? delay / flights : null)
  }
  return [times, mean, daily]
}

// ── live ────────────────────────────────────────────────────────────────────────────────────────────────────────────────

const day = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'long',
  year: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  timeZone: 'UTC',
})

function update({ stats, airports: changes, hours: newHours, routes }) {
  const status = byId('status')
  status.textContent = stats.status
  status.className = `status ${stats.verdict ?? ''}`
  byId('event-time').textContent = stats.eventTimeMs ? day.format(stats.eventTimeMs) : '–'
  byId('progress').value = stats.total ? stats.processed / stats.total : 0
  byId('produced').textContent = number.format(stats.produced)
  byId('processed').textContent = number.format(stats.processed)
  byId('rate').textContent = number.format(stats.rate)
  byId('lag').textContent = number.format(stats.lag)
  byId('mean').textContent = stats.processed > 0 ? minutes(stats.delay / stats.processed) : '–'
  updateAirports(changes)
  if (routes) updateRoutes(routes)
  for (const [hourMs, flights, delay] of newHours) hours.set(hourMs / 1000, [flights, delay])
  if (newHours.length > 0) chart?.setData(curve())
}

await drawMap()
for (const airport of await (await fetch('/airports')).json()) addAirport(airport)
makeChart()
addEventListener('resize', () => chart.setSize(chartSize()))
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', makeChart)
setInterval(sortCircles, 2000)

const events = new EventSource('/events')
events.onmessage = event => update(JSON.parse(event.data))
events.onerror = () => {
  byId('status').textContent = 'disconnected: is the app still running?'
  byId('status').className = 'status bad'
}
