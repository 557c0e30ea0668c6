// A Nuxt app as Amplify Hosting takes it: the preset emits `.amplify-hosting`, the provider emits its image URLs.
export default defineNuxtConfig({
  compatibilityDate: '2025-11-01',
  telemetry: false,
  devtools: { enabled: false },
  modules: ['@nuxt/image'],
  css: ['~/assets/main.css'],
  nitro: { preset: 'aws_amplify' },
  image: {
    // The preset's image route exists on the deployed app only; the development server optimizes by itself.
    provider: process.env.NODE_ENV === 'production' ? 'awsAmplify' : 'ipx',
    quality: 75,
    screens: { thumb: 160, xs: 320, sm: 640, md: 768, lg: 1024, xl: 1280 },
  },
  routeRules: { '/about': { prerender: true } },
  app: {
    head: {
      htmlAttrs: { lang: 'en' },
      title: 'Gallery on Edgeplane',
      meta: [
        { name: 'viewport', content: 'width=device-width, initial-scale=1' },
        { name: 'color-scheme', content: 'light dark' },
        { name: 'description', content: 'A small Nuxt gallery: rendered by Node, its pictures fitted at the edge.' },
      ],
      link: [{ rel: 'icon', type: 'image/svg+xml', href: '/icon.svg' }],
    },
  },
})
