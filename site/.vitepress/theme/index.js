/** VitePress's own theme, with tables that stay readable on a phone. */
import DefaultTheme from 'vitepress/theme';
import './style.css';

export default DefaultTheme;
